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
});
