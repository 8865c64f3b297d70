/** The manifests, as a real API server reads them: every field is known, and every pod meets the rules of its namespace. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { testCluster } from "@windlass/testkit";
import { kubectl, kustomized, objectsOf, podsOf, type ClusterObject } from "./rendered.ts";

const cluster = testCluster();
const FORMS = [
  "base",
  "overlays/one-server",
  "components/worker",
  "components/dispatcher",
  "components/dispatcher-cronjob",
  "overlays/nats",
  "overlays/sqs",
];

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-manifests-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(...objects: readonly ClusterObject[]): string {
  const file = join(folder, "objects.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
  return file;
}

// Their namespaces have fixed names, which on somebody's own cluster may be in use.
describe.skipIf(!cluster.mayFailNodes)("manifests", () => {
  let namespaces: readonly ClusterObject[] = [];
  beforeAll(async () => {
    const base = objectsOf(await kustomized(cluster, "base"));
    namespaces = [...base.values()].filter(({ kind }) => kind === "Namespace");
    await kubectl(cluster, "apply", "--server-side", "-f", fileOf(...namespaces));
  });
  afterAll(() => kubectl(cluster, "delete", "namespace", ...namespaces.map(({ metadata }) => metadata.name)));

  test.each(FORMS)("%s is accepted whole", async (form) => {
    const objects = [...objectsOf(await kustomized(cluster, form)).values()];
    const answer = await kubectl(cluster, "apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", fileOf(...objects));
    expect(answer.trim().split("\n")).toHaveLength(objects.length);
  });

  test.each(FORMS)("the pods of %s meet the rules of their namespace", async (form) => {
    const pods = podsOf(objectsOf(await kustomized(cluster, form)));
    expect(pods).not.toEqual([]);
    // What makes pods is only warned of; a pod itself is refused.
    await kubectl(cluster, "create", "--dry-run=server", "-f", fileOf(...pods));
  });
});
