import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";
import fc from "fast-check";
import { expect, test } from "vitest";
import { patched } from "./pod-patch.ts";

const pod = {
  spec: {
    containers: [{ name: "main", image: "a", env: [{ name: "A", value: "1" }], args: ["x", "y"] }],
    volumes: [{ name: "v0", emptyDir: {} }],
  },
};

test("a key that JavaScript gives a meaning is one like any other", () => {
  const patch = JSON.parse('{"spec": {"__proto__": {"a": 1}, "constructor": {"b": 2}}}') as JsonObject;
  expect(JSON.stringify(patched({ spec: { c: 3 } }, patch))).toBe('{"spec":{"c":3,"__proto__":{"a":1},"constructor":{"b":2}}}');
});

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

const { tree } = fc.letrec<{ tree: JsonObject }>((tie) => ({
  tree: fc.dictionary(
    fc.constantFrom("a", "b", "env", "name"),
    fc.oneof({ maxDepth: 3 }, fc.constantFrom<Json>("x", 1, true), tie("tree"), fc.array(tie("tree"), { maxLength: 3 })),
    { maxKeys: 3 },
  ),
}));

test("a patch without lists is in the result, the same patch again changes nothing, and what it does not name is left", () => {
  fc.assert(
    fc.property(tree, tree, (target, patch) => {
      const once = patched(target, patch);
      for (const [key, value] of Object.entries(target)) if (!Object.hasOwn(patch, key)) expect(once[key]).toEqual(value);
      for (const [key, value] of Object.entries(patch)) if (!isJsonObject(value) && !Array.isArray(value)) expect(once[key]).toEqual(value);
      if (!JSON.stringify(patch).includes('"env":[')) expect(patched(once, patch)).toEqual(once);
    }),
  );
});
