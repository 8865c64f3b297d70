import { expect, test } from "vitest";
import { faultsOfContainerSpec } from "./container-spec.ts";
import type { JsonObject } from "./json.ts";

test("all faults of the part for clusters are told at once, each where it is", () => {
  const kubernetes = {
    ...{
      namespaces: "x",
      serviceAccount: "No Name",
      ttlSeconds: -1,
      nodeSelector: { a: 1 },
      tolerations: ["x"],
      serviceAccountToken: "yes",
    },
    ...{ initContainers: [{ image: "a" }, { name: "main" }], sidecars: {}, pod: { containers: [] } },
  };
  const faults = faultsOfContainerSpec({ image: "x", kubernetes });
  expect(faults.map(({ path }) => path)).toEqual([
    "kubernetes.namespaces",
    "kubernetes.serviceAccount",
    "kubernetes.ttlSeconds",
    "kubernetes.nodeSelector.a",
    "kubernetes.tolerations",
    "kubernetes.serviceAccountToken",
    "kubernetes.initContainers[0]",
    "kubernetes.sidecars",
    "kubernetes.pod.containers",
    "kubernetes.initContainers[1].name",
  ]);
  expect(faults[0]?.message).toContain("namespace");
});

test.each(["constructor", "toString", "__proto__"])("a key %s is not known, whatever JavaScript means by it", (key) => {
  const kubernetes = JSON.parse(`{"${key}": "x"}`) as JsonObject;
  expect(faultsOfContainerSpec({ image: "x", kubernetes })).toEqual([
    { path: `kubernetes.${key}`, message: expect.stringContaining(`unknown key "${key}"`) },
  ]);
});

test.each([
  [{ secretKeyRef: { name: "a", key: "b" } }, []],
  [{ fieldRef: { fieldPath: "status.podIP" } }, []],
  [{ configMapKeyRef: { name: "a" } }, ["env.A"]],
  [{ secretKeyRef: { name: "a", key: "b" }, fieldRef: {} }, ["env.A"]],
])("a variable from %j", (valueFrom, paths) => {
  expect(faultsOfContainerSpec({ image: "x", env: { A: { valueFrom } } }).map(({ path }) => path)).toEqual(paths);
});
