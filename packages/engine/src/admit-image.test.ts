import type { JobKindName, JobRecord, JsonObject, LiveJob } from "@windlass/kernel";
import type { ImageGate } from "@windlass/ports";
import { describe, expect, test } from "vitest";
import { admittedImage, forbiddenImages, withPinnedImages } from "./admit-image.ts";
import type { EngineContext } from "./context.ts";
import type { Place } from "./place.ts";

const gate: ImageGate = {
  fault: (image) => (image.startsWith("good/") ? null : `${image} is not run here`),
  pin: async (image) => ({ image: `${image}@d`, unpinned: null }),
  async admit(image) {
    const message = gate.fault(image);
    return message === null
      ? { image: `${image}@d`, unpinned: null }
      : { refused: { outcome: "failed_config", reason: "image_not_allowed", message } };
  },
};
const context = { images: gate, kindOf: () => undefined } as unknown as EngineContext;
const place = { context } as unknown as Place;
const live = { attempt: 1 } as LiveJob;

function recordWith(kubernetes: JsonObject, executor: "docker" | "kubernetes" = "kubernetes"): JobRecord {
  const kind = "step" as JobKindName;
  return { id: "j", kind, executor, spec: { image: "good/main:1", kubernetes } } as unknown as JobRecord;
}

const beside = recordWith({ initContainers: [{ name: "a", image: "good/init:1" }], sidecars: [{ name: "b", image: "good/side:1" }] });
const besidePinned = {
  image: "good/main:1@d",
  kubernetes: { initContainers: [{ name: "a", image: "good/init:1@d" }], sidecars: [{ name: "b", image: "good/side:1@d" }] },
};

describe("the containers beside the main one", () => {
  test.each(["initContainers", "sidecars"])("of %s are looked at when a job is submitted and when it is launched", async (key) => {
    const record = recordWith({ [key]: [{ name: "a", image: "evil/tool:1" }] });
    expect(forbiddenImages(context, record)).toEqual([{ path: "spec.image", message: "evil/tool:1 is not run here" }]);
    expect(await admittedImage(place, record, live)).toMatchObject({
      refused: { outcome: "failed_config", message: "evil/tool:1 is not run here" },
    });
  });

  test("are pinned, too", async () => {
    expect((await withPinnedImages(context, beside)).spec).toEqual(besidePinned);
    expect(await admittedImage(place, beside, live)).toMatchObject({ record: { spec: besidePinned } });
  });

  test("mean nothing to an engine", async () => {
    const record = recordWith({ sidecars: [{ name: "a", image: "evil/tool:1" }] }, "docker");
    expect(forbiddenImages(context, record)).toEqual([]);
    expect(await admittedImage(place, record, live)).toMatchObject({ record: { spec: { image: "good/main:1@d" } } });
  });
});

describe("a raw patch of a pod", () => {
  test.each([
    [{ containers: [{ name: "main", image: "good/main:1" }] }, "spec.containers[0].image"],
    [{ volumes: [{ name: "v", image: { reference: "evil/tool:1" } }] }, "spec.volumes[0].image"],
  ])("names no image: %j", async (spec, path) => {
    const record = recordWith({ pod: { spec } });
    const message = expect.stringContaining(`spec.kubernetes.pod.${path}: `) as string;
    expect(forbiddenImages(context, record)).toEqual([{ path: `spec.kubernetes.pod.${path}`, message }]);
    expect(await admittedImage(place, record, live)).toMatchObject({ refused: { reason: "image_not_allowed", message } });
  });

  test("of other things is taken", () => {
    const record = recordWith({ pod: { metadata: { labels: { image: "x" } }, spec: { hostNetwork: true } } });
    expect(forbiddenImages(context, record)).toEqual([]);
  });
});

describe("a digest beside a tag", () => {
  const digest = `sha256:${"1".repeat(64)}`;
  const asked: (string | null)[] = [];
  const watching: ImageGate = {
    ...gate,
    async admit(image, known) {
      asked.push(known);
      return { image, unpinned: null };
    },
  };
  const stored = `docker.io/library/alpine:3@${digest}`;
  const record = (image: string, parentId: string | null) =>
    ({ ...recordWith({}), spec: { image }, parentId, rootId: "root" }) as JobRecord;
  const knownOf = async (job: JobRecord, attempt = 1) => {
    const reads = {
      get: async () => ({ record: { kind: "flow", executor: "none", spec: {} } }),
      attempts: async () => [{ evidence: { image: `docker.io/library/alpine@${digest}` } }],
    };
    const kindOf = () => ({ images: () => [stored] });
    asked.length = 0;
    const there = { ...context, images: watching, kindOf, store: { reads } };
    await admittedImage({ context: there } as unknown as Place, job, { attempt } as LiveJob);
    return asked[0];
  };

  test("is this server's own where the job that was submitted names it so", async () => {
    expect(await knownOf(record(stored, null))).toBe(digest);
    expect(await knownOf(record(stored, "root"))).toBe(digest);
  });

  test("is somebody else's where an expression gave it", async () => {
    expect(await knownOf(record(`docker.io/library/alpine:4@${digest}`, "root"))).toBeNull();
  });

  test("is the one of the attempt before", async () => {
    expect(await knownOf(record("alpine:3", "root"))).toBeNull();
    expect(await knownOf(record("alpine:3", "root"), 2)).toBe(digest);
    expect(await knownOf(record("docker.io/library/alpine:3", "root"), 2)).toBe(digest);
    expect(await knownOf(record("docker.io/library/other:3", "root"), 2)).toBeNull();
  });
});
