import { describe, expect, test } from "vitest";
import { imageGate, type ImageRules } from "./image-gate.ts";

const NO_REGISTRY = {
  rules: { allow: [], deny: [] } as never,
  loginOf: () => null,
  clock: { after: () => () => {} } as never,
};

function gateOf(rules: Partial<ImageRules>) {
  return imageGate({ allow: [], pin: false, verify: null, ...rules }, NO_REGISTRY);
}

describe("the rule images.allow", () => {
  test.each([
    ["alpine", "docker.io/library/alpine"],
    ["*", "*/*"],
    ["docker.io/a b", "docker.io/library/*"],
    ["team/*:1", "docker.io/team/*:1"],
  ])("%j is refused when the gate is made, by its name, with the nearest right one", (pattern, nearest) => {
    expect(() => gateOf({ allow: ["ghcr.io/*", pattern] })).toThrow(`images.allow has "${pattern}"`);
    expect(() => gateOf({ allow: [pattern] })).toThrow(nearest);
  });

  test("says what it allows", () => {
    const gate = gateOf({ allow: ["my-registry.example.org/team-a/*"] });
    expect(gate.fault("my-registry.example.org/team-a/tool:1")).toBeNull();
    expect(gate.fault("alpine:3")).toBe("the image alpine:3 is not run here: images.allow has my-registry.example.org/team-a/*");
  });

  describe("with a tag", () => {
    const DIGEST = `sha256:${"1".repeat(64)}`;
    const gate = gateOf({ allow: ["docker.io/library/alpine:3"], pin: true });
    const stored = `docker.io/library/alpine:3@${DIGEST}`;
    const ran = { image: `docker.io/library/alpine@${DIGEST}`, unpinned: null };

    test("has the digest that this server found for it", async () => {
      expect(await gate.admit(stored, DIGEST)).toEqual(ran);
      expect(await gate.admit("alpine:3", DIGEST)).toEqual(ran);
    });

    test("has no digest that somebody wrote behind it", async () => {
      const refused = { outcome: "failed_config", reason: "image_not_allowed" };
      expect(gate.fault(stored)).not.toBeNull();
      expect(await gate.admit(stored, null)).toMatchObject({ refused });
      expect(await gate.admit(stored, `sha256:${"2".repeat(64)}`)).toMatchObject({ refused });
      expect(await gate.admit(`docker.io/library/alpine:4@${DIGEST}`, DIGEST)).toMatchObject({ refused });
      expect(await gateOf({ allow: ["docker.io/library/alpine:latest"] }).admit(`alpine@${DIGEST}`, DIGEST)).toMatchObject({ refused });
    });
  });

  test("runs the whole name that it looked at, no short one and no id", async () => {
    const gate = gateOf({ allow: ["docker.io/library/*"] });
    expect(await gate.admit("busybox", null)).toEqual({ image: "docker.io/library/busybox:latest", unpinned: null });
    expect(await gate.admit("c322d4b4a8c9", null)).toEqual({ image: "docker.io/library/c322d4b4a8c9:latest", unpinned: null });
  });
});
