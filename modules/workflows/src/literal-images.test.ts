import { expect, test } from "vitest";
import { literalImages, patchedImages, withImages } from "./literal-images.ts";

const tool = {
  kind: "container",
  image: "a:1",
  initContainers: [
    { name: "first", image: "b:1" },
    { name: "known only then", image: "{{ inputs.image }}" },
  ],
  sidecars: [{ name: "side", image: "c:1" }],
};

test("images of all containers of a step are found, and given other names", () => {
  expect(literalImages({ steps: [{ tool }] })).toEqual(["a:1", "b:1", "c:1"]);
  const images = new Map([
    ["b:1", "b@d"],
    ["c:1", "c@d"],
  ]);
  const [first, second] = tool.initContainers;
  expect(withImages({ steps: [{ tool }] }, images)).toEqual({
    steps: [{ tool: { ...tool, initContainers: [{ ...first, image: "b@d" }, second], sidecars: [{ name: "side", image: "c@d" }] } }],
  });
});

test("what no container has is no image", () => {
  expect(literalImages({ steps: [{ tool: { kind: "http", image: "a:1", sidecars: [{ image: "b:1" }] } }] })).toEqual([]);
});

test("a patch of a pod that names an image is found by its path", () => {
  const pod = { spec: { initContainers: [{ name: "x", image: "evil:1" }] } };
  expect(patchedImages({ steps: [{ tool }, { tool: { ...tool, pod } }] })).toEqual(["spec.steps[1].tool.pod.spec.initContainers[0].image"]);
});
