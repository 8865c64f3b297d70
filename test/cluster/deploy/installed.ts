/**
 * Windlass on the test cluster, installed from deploy/kubernetes as a user would: a folder of one's own with the base, the
 * image, and what this cluster is like (volumes that are made by hand, no names of services).
 */
import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { TestCluster } from "@windlass/testkit";
import { root } from "../../architecture/source-files.ts";
import { kubectl, kustomized, objectsOf } from "./rendered.ts";

export const SYSTEM = "windlass-system";
export const SERVER = "windlass-server";
export const WATCHER = "windlass-k8s-watcher";
export const REPLICAS = 2;
/** As the image has it. */
const USER = 10_001;
const PORT = 4180;

export interface Installation {
  readonly cluster: TestCluster;
  /** Of the test; everything below it is made here. */
  readonly folder: string;
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What comes before: namespaces, Secrets, volumes, and the Service, whose address pods need where no name is known. */
export async function prepare({ cluster, folder, secrets }: Installation): Promise<{ readonly address: string }> {
  const metadata = (name: string): object => ({ name, namespace: SYSTEM });
  const base = [...objectsOf(await kustomized(cluster, "base")).values()];
  await apply(cluster, folder, [
    ...base.filter(({ kind }) => kind === "Namespace"),
    ...base.filter(({ kind }) => kind === "Service"),
    ...Object.entries(secrets).map(([name, stringData]) => ({ apiVersion: "v1", kind: "Secret", metadata: metadata(name), stringData })),
    ...Array.from({ length: REPLICAS }, (_, index) => volume(folder, index)),
  ]);
  const address = await kubectl(cluster, "-n", SYSTEM, "get", "service", SERVER, "-o", "jsonpath={.spec.clusterIP}");
  return { address: `${address}:${PORT}` };
}

/** Applies the manifests with this image, and waits until they are carried out whole. */
export async function install(
  installation: Installation,
  { tag, address }: { readonly tag: string; readonly address: string },
): Promise<void> {
  const { cluster, folder } = installation;
  const own = join(folder, "own");
  mkdirSync(own, { recursive: true });
  const [host = ""] = address.split(":");
  const aliases = { hostAliases: [{ ip: host, hostnames: [`${SERVER}.${SYSTEM}`] }] };
  const patch = {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: WATCHER, namespace: SYSTEM } },
    spec: { template: { spec: aliases } },
  };
  // As docs/guides/isolation.md says it: where runners reach the server, and the image that they are.
  const env = [
    { name: "WINDLASS_RUNNER_URL", value: `http://${address}` },
    { name: "WINDLASS_RUNNER_IMAGE", value: `windlass:${tag}` },
  ];
  const runners = {
    ...{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: SERVER, namespace: SYSTEM } },
    spec: { template: { spec: { containers: [{ name: "server", env }] } } },
  };
  writeFileSync(
    join(own, "kustomization.yaml"),
    JSON.stringify({
      resources: [relative(own, join(root, "deploy", "kubernetes", "base"))],
      images: [{ name: "windlass", newTag: tag }],
      patches: [patch, runners].map((one) => ({ patch: JSON.stringify(one) })),
    }),
  );
  const file = join(folder, "own.yaml");
  writeFileSync(file, await kustomized(cluster, own));
  await kubectl(cluster, "apply", "--server-side", "-f", file);
  for (const one of [`statefulset/${SERVER}`, `deployment/${WATCHER}`])
    await kubectl(cluster, "-n", SYSTEM, "rollout", "status", one, "--timeout=240s");
}

export async function uninstall({ cluster }: Installation): Promise<void> {
  await kubectl(cluster, "delete", "namespace", SYSTEM, "windlass", "--ignore-not-found");
  await kubectl(cluster, "delete", "clusterrole,clusterrolebinding,persistentvolume", "--selector", "app.kubernetes.io/part-of=windlass");
}

async function apply(cluster: TestCluster, folder: string, items: readonly object[]): Promise<void> {
  const file = join(folder, "objects.json");
  writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  await kubectl(cluster, "apply", "--server-side", "-f", file);
}

/** All nodes have this machine's disk, so a folder of it is where a pod finds it again on another node. */
function volume(folder: string, index: number): object {
  const path = join(folder, `volume-${index}`);
  mkdirSync(path);
  chownSync(path, USER, USER);
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `windlass-test-${index}`, labels: { "app.kubernetes.io/part-of": "windlass" } },
    spec: {
      capacity: { storage: "10Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      claimRef: { namespace: SYSTEM, name: `data-${SERVER}-${index}` },
      hostPath: { path },
    },
  };
}
