/**
 * The chart and the manifests are the same objects. deploy/kubernetes is the source: whoever changes it changes the chart, or
 * this fails and says where they differ.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { testCluster } from "@windlass/testkit";
import { parse } from "yaml";
import { root } from "../../architecture/source-files.ts";
import { findChartRenderer, type ChartRenderer } from "./chart.ts";
import { kubectl, kustomized, objectsOf, type ClusterObject } from "./rendered.ts";

const cluster = testCluster();
const BUILD_MS_MAX = 900_000;
/** As the example has it. */
const AWS = [
  { name: "AWS_REGION", value: "eu-central-1" },
  { name: "AWS_ACCESS_KEY_ID", valueFrom: { secretKeyRef: { name: "windlass-aws", key: "access-key-id" } } },
  { name: "AWS_SECRET_ACCESS_KEY", valueFrom: { secretKeyRef: { name: "windlass-aws", key: "secret-access-key" } } },
];
/** Made by `helm install --create-namespace`, not by a chart. */
const NAMESPACE_OF_RELEASE = "Namespace -/windlass-system";

let render: ChartRenderer | null = null;
beforeAll(async () => {
  render = await findChartRenderer(process.env);
}, BUILD_MS_MAX);

async function charted(values: object): Promise<ReadonlyMap<string, ClusterObject>> {
  if (render === null) throw new Error("nothing renders charts here");
  return objectsOf(await render(values));
}

/** What components add to a folder. */
async function composed(folder: string, ...components: readonly string[]): Promise<ReadonlyMap<string, ClusterObject>> {
  if (components.length === 0) return objectsOf(await kustomized(cluster, folder));
  const made = mkdtempSync(join(tmpdir(), "windlass-composed-"));
  try {
    const source = (part: string): string => relative(made, join(root, "deploy", "kubernetes", part));
    // What a component brings is no part of the base, which has set its own image.
    const images = [{ name: "windlass", newTag: read("programs/cli/package.json").version }];
    const parts = { resources: [source(folder)], components: components.map(source), images };
    writeFileSync(join(made, "kustomization.yaml"), JSON.stringify(parts));
    return objectsOf(await kustomized(cluster, made));
  } finally {
    rmSync(made, { recursive: true });
  }
}

function without(objects: ReadonlyMap<string, ClusterObject>, ...keys: readonly string[]): Record<string, ClusterObject> {
  return Object.fromEntries([...objects].filter(([key]) => !keys.includes(key)).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

describe.skipIf(cluster.missing)("the chart", () => {
  test.each<[string, readonly [string, ...string[]], object]>([
    ["base", ["base"], {}],
    ["overlays/one-server", ["overlays/one-server"], { server: { store: "sqlite" } }],
    [
      "base with all components",
      ["base", "components/worker", "components/service-monitor"],
      { worker: { enabled: true }, serviceMonitors: { enabled: true } },
    ],
    ["base with components/dispatcher", ["base", "components/dispatcher"], { dispatcher: { kind: "Deployment" } }],
    ["base with components/dispatcher-cronjob", ["base", "components/dispatcher-cronjob"], { dispatcher: { kind: "CronJob" } }],
    [
      "overlays/sqs",
      ["overlays/sqs"],
      {
        ...{ dispatcher: { kind: "Deployment" }, spawner: { enabled: true } },
        notices: { url: "https://sqs.eu-central-1.amazonaws.com/123456789012/windlass", env: AWS },
      },
    ],
  ])("makes the objects of %s", async (_what, parts, values) => {
    if (render === null) return;
    expect(without(await charted(values))).toEqual(without(await composed(...parts), NAMESPACE_OF_RELEASE));
  });

  test("takes other names, places and parts, and the API server takes what comes of it", async () => {
    if (render === null || !cluster.mayFailNodes) return;
    const objects = await charted({
      name: "jobs",
      image: { repository: "registry.example.org/windlass", tag: "1.2.3", pullSecrets: [{ name: "login" }] },
      jobs: { namespace: "batch", createNamespace: false },
      secrets: { store: { name: "db", key: "dsn" } },
      server: {
        replicas: 3,
        env: [{ name: "WINDLASS_RETENTION_DAYS", value: "7" }],
        storage: { size: "1Gi", className: "fast" },
        service: { type: "LoadBalancer", annotations: { "example.org/a": "b" } },
        ingress: { enabled: true, className: "nginx", tlsSecret: "tls", annotations: { "example.org/c": "d" } },
        nodeSelector: { pool: "system" },
        tolerations: [{ key: "system", operator: "Exists" }],
      },
      watcher: { env: [{ name: "WINDLASS_LOG", value: "debug" }], nodeSelector: { pool: "system" } },
      dispatcher: { kind: "CronJob", env: [{ name: "WINDLASS_LOG", value: "debug" }], tolerations: [{ operator: "Exists" }] },
      notices: { url: "nats://nats.batch:4222", keys: { name: "signing", key: "keys" }, env: [{ name: "A", value: "b" }] },
      runner: { template: "apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {}}}\n" },
      spawner: { enabled: true },
      worker: { enabled: true },
    });
    expect([...objects.keys()].filter((key) => /(?:\/|\b)windlass(?:$|\/|-(?!system))/u.test(key))).toEqual([]);
    expect(JSON.stringify([...objects.values()])).toContain("registry.example.org/windlass:1.2.3");
    const file = join(mkdtempSync(join(tmpdir(), "windlass-chart-")), "objects.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: [...objects.values()] }));
    await kubectl(cluster, "create", "namespace", "batch");
    await kubectl(cluster, "create", "namespace", "windlass-system");
    try {
      const answer = await kubectl(cluster, "apply", "--server-side", "--dry-run=server", "-f", file);
      expect(answer.trim().split("\n")).toHaveLength(objects.size);
    } finally {
      await kubectl(cluster, "delete", "namespace", "batch", "windlass-system");
    }
  });

  test("a value that is none is refused by its name", async () => {
    if (render === null) return;
    await expect(charted({ dispatcher: { kind: "Cron" } })).rejects.toThrow(/dispatcher.?kind/u);
    await expect(charted({ server: { replica: 3 } })).rejects.toThrow("replica");
    await expect(charted({ server: { store: "sqlite" }, dispatcher: { kind: "Deployment" } })).rejects.toThrow("wants PostgreSQL");
    await expect(charted({ spawner: { enabled: true } })).rejects.toThrow("set notices.url");
  });

  test("parts that are not wanted are left out", async () => {
    if (render === null) return;
    const objects = await charted({ watcher: { enabled: false }, networkPolicies: { enabled: false } });
    expect([...objects.keys()].filter((key) => /watcher|NetworkPolicy/u.test(key))).toEqual([]);
  });
});

test("manifests, chart and package have one version", () => {
  const { version } = read("programs/cli/package.json");
  const { version: ofChart, appVersion } = read("deploy/helm/windlass/Chart.yaml");
  const [image] = read("deploy/kubernetes/base/kustomization.yaml").images ?? [];
  expect({ ofChart, appVersion, ofImage: image?.newTag }).toEqual({ ofChart: version, appVersion: version, ofImage: version });
});

function read(path: string): Versions {
  return parse(readFileSync(join(root, path), "utf8")) as Versions;
}

interface Versions {
  readonly version?: string;
  readonly appVersion?: string;
  readonly images?: readonly { readonly newTag: string }[];
}
