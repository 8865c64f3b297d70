/** What `kubectl kustomize` makes of a folder of deploy/kubernetes, as objects by their names. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { parseAllDocuments } from "yaml";
import type { TestCluster } from "@windlass/testkit";
import { root } from "../../architecture/source-files.ts";

export interface ClusterObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [key: string]: unknown;
}

const run = promisify(execFile);

/** The test cluster's own kubectl, or the one that goes with a cluster that is not ours. */
export async function kubectl(cluster: TestCluster, ...args: readonly string[]): Promise<string> {
  if (cluster.mayFailNodes) return cluster.lab("kubectl", ...args);
  return (await run("kubectl", ["--kubeconfig", cluster.kubeconfig, ...args], { maxBuffer: 64 * 1_048_576 })).stdout;
}

/** Of `base`, `overlays/one-server`, or any folder by its whole path. */
export function kustomized(cluster: TestCluster, folder: string): Promise<string> {
  return kubectl(cluster, "kustomize", folder.startsWith("/") ? folder : join(root, "deploy", "kubernetes", folder));
}

/** `kind namespace/name` → object. Throws for what is no YAML, and for two of one name. */
export function objectsOf(text: string): ReadonlyMap<string, ClusterObject> {
  const objects = new Map<string, ClusterObject>();
  for (const document of parseAllDocuments(text)) {
    const object = document.toJS() as ClusterObject | null;
    const [fault] = document.errors;
    if (fault !== undefined) throw new Error(fault.message);
    if (object === null) continue;
    const key = `${object.kind} ${object.metadata.namespace ?? "-"}/${object.metadata.name}`;
    if (objects.has(key)) throw new Error(`there are two of ${key}`);
    objects.set(key, object);
  }
  return objects;
}

/** A pod as each StatefulSet, Deployment and CronJob would make it. */
export function podsOf(objects: ReadonlyMap<string, ClusterObject>): readonly ClusterObject[] {
  return [...objects.values()].flatMap(({ spec, metadata: { name, namespace = "default" } }) => {
    const { jobTemplate, ...own } = (spec ?? {}) as Partial<Maker> & { readonly jobTemplate?: { readonly spec: Maker } };
    const { template, volumeClaimTemplates = [] } = jobTemplate?.spec ?? own;
    if (template === undefined) return [];
    const claims = volumeClaimTemplates.map((claim) => ({ name: claim.metadata.name, emptyDir: {} }));
    const { spec: pod, metadata } = template;
    const account = { serviceAccountName: "default" };
    return [
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { ...metadata, name, namespace },
        spec: { ...pod, ...account, volumes: [...(pod.volumes ?? []), ...claims] },
      },
    ];
  });
}

interface Maker {
  readonly template: { readonly metadata: object; readonly spec: { readonly volumes?: readonly object[] } };
  readonly volumeClaimTemplates?: readonly ClusterObject[];
}
