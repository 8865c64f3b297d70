/**
 * Windlass on the test cluster, installed from deploy/kubernetes as a user would: a folder of one's own with the base, the
 * image, and what this cluster is like (volumes that are made by hand, no names of services).
 */
import { chownSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { TestCluster } from "@windlass/testkit";
import { parse } from "yaml";
import { root } from "../../architecture/source-files.ts";
import { kubectl, kustomized, objectsOf, type ClusterObject } from "./rendered.ts";

export const SYSTEM = "windlass-system";
export const SERVER = "windlass-server";
export const WATCHER = "windlass-k8s-watcher";
export const SPAWNER = "windlass-spawner";
const NATS = "windlass-nats";
const PARTS = [SPAWNER, NATS];
/** As the overlay for NATS has it. */
export const NATS_IMAGE = "docker.io/library/nats:2.12-alpine";
export const REPLICAS = 2;
/** As docs/guides/kubernetes.md says it: runners have the image of the server. */
const RUNNERS_IMAGE = (parse(readFileSync(join(root, "deploy", "kubernetes", "base", "kustomization.yaml"), "utf8")) as Parts).replacements;
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
    ...Array.from({ length: REPLICAS }, (_, index) => volume(folder, `${SERVER}-${index}`)),
  ]);
  const address = await kubectl(cluster, "-n", SYSTEM, "get", "service", SERVER, "-o", "jsonpath={.spec.clusterIP}");
  return { address: `${address}:${PORT}` };
}

export interface Installed {
  readonly tag: string;
  readonly address: string;
  /** Of deploy/kubernetes/components. */
  readonly components?: readonly string[];
  /** Variables of the server. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Applies the manifests with this image, and waits until they are carried out whole. */
export async function install(installation: Installation, { tag, address, components = [], settings = {} }: Installed): Promise<void> {
  const { cluster, folder } = installation;
  const made = join(folder, "own");
  mkdirSync(made, { recursive: true });
  const source = (part: string): string => relative(made, join(root, "deploy", "kubernetes", part));
  const [host = ""] = address.split(":");
  const aliases = { hostAliases: [{ ip: host, hostnames: [`${SERVER}.${SYSTEM}`] }] };
  const patch = {
    ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: WATCHER, namespace: SYSTEM } },
    spec: { template: { spec: aliases } },
  };
  // Runners know no names here.
  const env = Object.entries({ WINDLASS_RUNNER_URL: `http://${address}`, ...settings }).map(([name, value]) => ({ name, value }));
  const own = {
    ...{ apiVersion: "apps/v1", kind: "StatefulSet", metadata: { name: SERVER, namespace: SYSTEM } },
    spec: { template: { spec: { containers: [{ name: "server", env }] } } },
  };
  writeFileSync(
    join(made, "kustomization.yaml"),
    JSON.stringify({
      resources: [source("base")],
      components: components.map((one) => source(`components/${one}`)),
      images: [{ name: "windlass", newTag: tag }],
      replacements: RUNNERS_IMAGE,
      patches: [patch, own].map((one) => ({ patch: JSON.stringify(one) })),
    }),
  );
  const file = join(folder, "own.yaml");
  writeFileSync(file, await kustomized(cluster, made));
  await kubectl(cluster, "apply", "--server-side", "-f", file);
  for (const one of [`statefulset/${SERVER}`, `deployment/${WATCHER}`])
    await kubectl(cluster, "-n", SYSTEM, "rollout", "status", one, "--timeout=240s");
}

/**
 * Beside it the spawner and the NATS of the overlay for NATS, as that makes them. Resolves once they are asked for; `settings`:
 * variables of the spawner.
 */
export async function addSpawner(
  installation: Installation,
  { tag, address, settings = {} }: Omit<Installed, "components">,
): Promise<void> {
  const { cluster, folder } = installation;
  const objects = [...objectsOf(await kustomized(cluster, "overlays/nats")).values()].filter(({ metadata }) =>
    PARTS.includes(metadata.name),
  );
  const isService = ({ kind }: ClusterObject): boolean => kind === "Service";
  await apply(cluster, folder, [...objects.filter(isService), volume(folder, `${NATS}-0`)]);
  const ip = await kubectl(cluster, "-n", SYSTEM, "get", "service", NATS, "-o", "jsonpath={.spec.clusterIP}");
  const image = `windlass:${tag}`;
  const own = { WINDLASS_RUNNER_IMAGE: image, WINDLASS_RUNNER_URL: `http://${address}`, ...settings };
  const named = objects.map((object) => (object.kind === "Deployment" ? withOwn(object, { image, ip, own }) : object));
  await apply(
    cluster,
    folder,
    named.filter((object) => !isService(object)),
  );
}

/** Waits until they are there. */
export async function spawnerIsThere({ cluster }: Installation): Promise<void> {
  for (const one of [`statefulset/${NATS}`, `deployment/${SPAWNER}`])
    await kubectl(cluster, "-n", SYSTEM, "rollout", "status", one, "--timeout=120s");
}

interface Own {
  readonly image: string;
  /** Of NATS: no names are known here. */
  readonly ip: string;
  readonly own: Readonly<Record<string, string>>;
}

function withOwn(deployment: ClusterObject, { image, ip, own }: Own): ClusterObject {
  const { spec } = structuredClone(deployment) as unknown as { spec: Deployed };
  const pod = spec.template.spec;
  pod.hostAliases = [{ ip, hostnames: [`${NATS}.${SYSTEM}`] }];
  for (const container of pod.containers) {
    container.image = image;
    container.env = [
      ...container.env.filter(({ name }) => !Object.hasOwn(own, name)),
      ...Object.entries(own).map(([name, value]) => ({ name, value })),
    ];
  }
  return { ...deployment, spec };
}

interface Deployed {
  readonly template: {
    readonly spec: {
      hostAliases?: readonly object[];
      readonly containers: { image: string; env: readonly { readonly name: string }[] }[];
    };
  };
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
function volume(folder: string, pod: string): object {
  const path = join(folder, `volume-${pod}`);
  mkdirSync(path);
  chownSync(path, USER, USER);
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `windlass-test-${pod}`, labels: { "app.kubernetes.io/part-of": "windlass" } },
    spec: {
      capacity: { storage: "10Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      claimRef: { namespace: SYSTEM, name: `data-${pod}` },
      hostPath: { path },
    },
  };
}

interface Parts {
  readonly replacements: readonly object[];
}
