import { expect, test } from "vitest";
import { patched } from "./pod-patch.ts";

const pod = {
  spec: {
    containers: [{ name: "main", image: "a", env: [{ name: "A", value: "1" }], args: ["x", "y"] }],
    volumes: [{ name: "v0", emptyDir: {} }],
  },
};

test("containers, variables and volumes are merged by name, other lists replaced, null removes", () => {
  const patch = {
    spec: {
      hostNetwork: true,
      containers: [
        {
          name: "main",
          args: ["z"],
          image: null,
          env: [
            { name: "A", value: "2" },
            { name: "B", value: "3" },
          ],
        },
        { name: "side", image: "b" },
      ],
      volumes: [{ name: "v1", emptyDir: {} }],
    },
  };
  expect(patched(pod, patch)).toEqual({
    spec: {
      hostNetwork: true,
      containers: [
        {
          name: "main",
          args: ["z"],
          env: [
            { name: "A", value: "2" },
            { name: "B", value: "3" },
          ],
        },
        { name: "side", image: "b" },
      ],
      volumes: [
        { name: "v0", emptyDir: {} },
        { name: "v1", emptyDir: {} },
      ],
    },
  });
  expect(patched(pod, {})).toEqual(pod);
});
