/** For tests: a watcher of the test cluster, and Jobs that are made by hand as an executor makes them. */
import { setTimeout as after } from "node:timers";
import type { JsonObject } from "@windlass/kernel";
import { ANNOTATIONS, ClusterClient, DEFAULT_GRACES, findCluster, LABELS, OUR_SELECTOR, type Graces } from "@windlass/kubernetes";
import type { Clock, Logger } from "@windlass/ports";
import { seededRandom } from "@windlass/testkit";
import { clusterWatcher, type ClusterWatcher } from "./cluster-watcher.ts";
import type { RecordingServer } from "./server-fixture.ts";
import { serverLine } from "./server-line.ts";

export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (delayMs, callback) => {
    const timer = after(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

export function clientOf(kubeconfig: string): ClusterClient {
  const access = findCluster({ environment: {}, kubeconfig });
  if (access === null) throw new Error("no kubeconfig");
  return new ClusterClient({ access, clock: realClock, pace: { perSecond: 1_000, burst: 1_000 }, callsMax: 50 });
}

export interface WatcherSite {
  readonly client: ClusterClient;
  readonly namespace: string;
}

let count = 0;
/** Each has another: whose turn it is is asked by a name that is drawn. */
let seeds = 0;

export async function watcherSite(kubeconfig: string): Promise<WatcherSite> {
  const client = clientOf(kubeconfig);
  const namespace = `windlass-watch-${process.pid}-${++count}`;
  await client.call("POST", "/api/v1/namespaces", { body: { metadata: { name: namespace } } });
  return { client, namespace };
}

export interface MoreOfWatcher {
  readonly graces?: Partial<Graces>;
  readonly turn?: string;
  readonly token?: () => string;
  readonly client?: ClusterClient;
  readonly logger?: Logger;
}

export function watcherOf(
  { client, namespace }: WatcherSite,
  server: Pick<RecordingServer, "url" | "token">,
  more: MoreOfWatcher = {},
): ClusterWatcher {
  return clusterWatcher({
    client: more.client ?? client,
    line: serverLine({ url: server.url, token: more.token ?? (() => server.token), timeoutMs: 10_000, clock: realClock }),
    namespaces: [namespace],
    selector: OUR_SELECTOR,
    graces: { ...DEFAULT_GRACES, ...more.graces },
    turn: more.turn ?? "",
    clock: realClock,
    random: seededRandom(++seeds),
    logger: more.logger ?? SILENT,
  });
}

export const SILENT: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => SILENT };

interface JobParts {
  readonly container?: JsonObject;
  readonly pod?: JsonObject;
  readonly spec?: JsonObject;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Makes the Job of a job with this id, as an executor makes it. */
export const makeJob =
  ({ client, namespace }: WatcherSite) =>
  async (id: string, command: string, { container, pod, spec, annotations }: JobParts = {}): Promise<void> => {
    const labels = { [LABELS.managedBy]: "windlass", [LABELS.job]: id, [LABELS.attempt]: "1" };
    const main = {
      name: "main",
      image: "busybox:1",
      command: ["sh", "-c", command],
      resources: { limits: { memory: "32Mi" } },
      ...container,
    };
    const made = await client.call("POST", `/apis/batch/v1/namespaces/${namespace}/jobs`, {
      body: {
        metadata: { name: nameOf(id), labels, annotations: { [ANNOTATIONS.attempt]: `${id}/1`, ...annotations } },
        spec: {
          backoffLimit: 0,
          podReplacementPolicy: "Failed",
          ...spec,
          template: {
            metadata: { labels },
            spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [main], ...pod },
          },
        },
      },
    });
    if (made.status !== 201) throw new Error(`no Job: ${JSON.stringify(made.body)}`);
  };

export function nameOf(id: string): string {
  return `windlass-${id.replaceAll("_", "-")}`;
}
