/** For tests: a client of the test cluster, and a namespace of one test file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers";
import type { Clock, Executor } from "@windlass/ports";
import type { TestCluster } from "@windlass/testkit";
import { DEFAULT_GRACES } from "./classify-stuck.ts";
import { findCluster } from "./cluster-access.ts";
import { ClusterClient } from "./cluster-client.ts";
import type { JobRules } from "./job-body.ts";
import { kubernetesExecutor, type KubernetesExecutorOptions } from "./kubernetes-executor.ts";

export interface ClusterFixture {
  /** The same client and namespace each time. */
  open(): Promise<{ readonly client: ClusterClient; readonly namespace: string }>;
  /** A name that no other test has. */
  newPlace(): string;
  /** An executor of a place in a namespace. */
  connect(rules: Pick<JobRules, "place" | "namespace"> & Partial<KubernetesExecutorOptions>): Executor;
  /** A client of a cluster that is not there. */
  unreachable(): ClusterClient;
  close(): Promise<void>;
}

const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = after(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

let namespaces = 0;
let places = 0;

export function clusterFixture(cluster: Pick<TestCluster, "kubeconfig">): ClusterFixture {
  const folder = mkdtempSync(join(tmpdir(), "windlass-kubernetes-"));
  let opened: Promise<{ client: ClusterClient; namespace: string }> | null = null;
  const open = async (): Promise<{ client: ClusterClient; namespace: string }> => {
    const client = clientOf(cluster.kubeconfig);
    const namespace = `windlass-test-${process.pid}-${++namespaces}`;
    const made = await client.call("POST", "/api/v1/namespaces", { body: { metadata: { name: namespace } } });
    if (made.status !== 201) throw new Error(`no namespace for tests: ${JSON.stringify(made.body)}`);
    return { client, namespace };
  };
  return {
    open: () => (opened ??= open()),
    newPlace: () => `place-${process.pid}-${++places}`,
    connect: (rules) =>
      kubernetesExecutor({
        ...{ environment: {}, kubeconfig: cluster.kubeconfig, namespaces: [], serviceAccount: "", ttlSeconds: 3_600 },
        ...{ runningMax: 100, pace: PACE, callsMax: 50, graces: DEFAULT_GRACES, clock: realClock, random: { next: () => 0.5 } },
        ...rules,
      }),
    unreachable() {
      const path = join(folder, "nowhere");
      const config = {
        clusters: [{ name: "a", cluster: { server: "https://127.0.0.1:9" } }],
        users: [{ name: "a", user: { token: "none" } }],
        contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
        "current-context": "a",
      };
      writeFileSync(path, JSON.stringify(config));
      return clientOf(path);
    },
    async close() {
      rmSync(folder, { recursive: true, force: true });
      if (opened === null) return;
      const { client, namespace } = await opened;
      await client.call("DELETE", `/api/v1/namespaces/${namespace}`);
      client.close();
    },
  };
}

/** Tests ask more than one server should. */
const PACE = { perSecond: 1_000, burst: 1_000 };

function clientOf(kubeconfig: string): ClusterClient {
  const access = findCluster({ environment: {}, kubeconfig });
  if (access === null) throw new Error("no kubeconfig");
  return new ClusterClient({ access, clock: realClock, pace: PACE, callsMax: 50 });
}
