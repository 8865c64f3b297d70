/**
 * Brings deaths about in a namespace of a cluster, each a number of times, and compares what the cluster watcher tells of them
 * with what is true. Tells no server anything; removes the Jobs that it made.
 */
import { seconds, type JsonObject } from "@windlass/kernel";
import { ANNOTATIONS, attemptMark, LABELS, type ClusterClient, type Graces } from "@windlass/kubernetes";
import type { Clock, Logger, Random } from "@windlass/ports";
import { clusterWatcher } from "./cluster-watcher.ts";
import type { Act, Death } from "./deaths.ts";
import type { Account, ServerLine } from "./server-line.ts";
import { shownDeaths, type ShownDeaths } from "./shown-deaths.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

export interface ConformanceOptions {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly deaths: readonly Death[];
  /** One with a shell, that is there or can be pulled. */
  readonly image: string;
  /** How often each is brought about; those of one round at the same time. */
  readonly rounds: number;
  readonly graces: Graces;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onResult: (result: DeathResult) => void;
}

export interface DeathResult {
  readonly death: string;
  readonly round: number;
  readonly expected: readonly string[];
  /** `outcome reason`; null: nothing was told in time. */
  readonly found: string | null;
  /**
   * From the death until it was told. That is from the end of its last container, by the cluster's own account (in whole
   * seconds, so that up to one is counted too much), or from what was done to it, whichever was later; of one that never began
   * from when its Job was made.
   */
  readonly seconds: number | null;
  /** The part of it that followed the first moment at which the API server showed it. */
  readonly shownSeconds: number | null;
}

/** A kubelet looks at the disk only now and then. */
const TOLD_WITHIN_MS: number = seconds(240);
const LABEL = "windlass.dev/conformance";

export async function conformance(options: ConformanceOptions): Promise<readonly DeathResult[]> {
  const { clock, random } = options;
  const mark = Buffer.from(random.bytes(5)).toString("hex");
  const heard = new Map<string, { readonly account: Account; readonly at: number }>();
  const listeners = new Set<() => void>();
  const line = listeningLine((id, account) => {
    if (!heard.has(`${id} ${account.state}`)) heard.set(`${id} ${account.state}`, { account, at: clock.now() });
    for (const listener of listeners) listener();
  });
  const { client, namespace, graces, logger } = options;
  const selector = `${LABEL}=${mark}`;
  const watcher = clusterWatcher({ client, line, namespaces: [namespace], selector, graces, turn: "", clock, random, logger });
  await watcher.start();
  const shown = await shownDeaths({ client, namespace, selector }, { clock, random, logger, metrics: watcherMetrics() });
  try {
    const results: DeathResult[] = [];
    for (let round = 1; round <= options.rounds; round++)
      results.push(...(await Promise.all(options.deaths.map((death) => die(options, { death, round, mark, heard, listeners, shown })))));
    return results;
  } finally {
    await watcher.stop();
    await shown.stop();
    const query = { labelSelector: selector, propagationPolicy: "Background" };
    await client.call("DELETE", `/apis/batch/v1/namespaces/${namespace}/jobs`, { query });
  }
}

interface Dying {
  readonly death: Death;
  readonly round: number;
  readonly mark: string;
  readonly shown: ShownDeaths;
  readonly heard: ReadonlyMap<string, { readonly account: Account; readonly at: number }>;
  readonly listeners: Set<() => void>;
}

async function die(options: ConformanceOptions, dying: Dying): Promise<DeathResult> {
  const { death, round, mark, heard, shown } = dying;
  const { clock, client, namespace } = options;
  const id = `job_${death.name}-${round}-${mark}`;
  const name = `windlass-conformance-${death.name}-${round}-${mark}`;
  let doneAt = clock.now();
  await make(options, { death, id, name, mark });
  const wait = (fits: (state: string) => boolean) =>
    told(options, dying, () => [...heard].find(([key]) => key.startsWith(`${id} `) && fits(key.slice(id.length + 1)))?.[1] ?? null);
  if (death.act !== undefined) {
    const running = await wait((state) => state === "running");
    doneAt = clock.now();
    await act(death.act, { client, namespace, name, pod: running?.account.podName ?? "" });
  }
  const end = await wait((state) => state !== "running" && state !== "pending");
  const result = { death: death.name, round, expected: death.expected, ...resultOf(end, { name, doneAt, shown }) };
  options.onResult(result);
  await death.mend?.(() => removeJob({ client, namespace, name }));
  return result;
}

function resultOf(
  end: { readonly account: Account; readonly at: number } | null,
  { name, doneAt, shown }: { readonly name: string; readonly doneAt: number; readonly shown: ShownDeaths },
): Pick<DeathResult, "found" | "seconds" | "shownSeconds"> {
  if (end === null) return { found: null, seconds: null, shownSeconds: null };
  const { state, reason = "" } = end.account;
  const from = Math.max(doneAt, shown.diedAt(name) ?? 0);
  // Null: the watcher was told before whoever looks beside it.
  const shownAt = shown.shownAt(name, state);
  const since = (time: number): number => Math.max(0, end.at - time) / 1000;
  return { found: `${state} ${reason}`, seconds: since(from), shownSeconds: shownAt === null ? 0 : since(Math.max(from, shownAt)) };
}

function told<T>({ clock }: ConformanceOptions, { listeners }: Dying, find: () => T | null): Promise<T | null> {
  return new Promise((resolve) => {
    const end = (found: T | null): void => {
      listeners.delete(look);
      cancel();
      resolve(found);
    };
    const look = (): void => {
      const found = find();
      if (found !== null) end(found);
    };
    const cancel = clock.after(TOLD_WITHIN_MS, () => end(null));
    listeners.add(look);
    look();
  });
}

interface Making {
  readonly death: Death;
  readonly id: string;
  readonly name: string;
  readonly mark: string;
}

async function make({ client, namespace, image }: ConformanceOptions, { death, id, name, mark }: Making): Promise<void> {
  const labels = { [LABEL]: mark, [LABELS.attempt]: "1" };
  const main: JsonObject = { name: "main", image, command: ["sh", "-c", death.script], ...death.container };
  const pod = {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    containers: [main],
    ...death.pod,
  };
  const body = {
    metadata: { name, labels, annotations: { [ANNOTATIONS.attempt]: attemptMark(id, 1) } },
    spec: { backoffLimit: 0, ttlSecondsAfterFinished: 600, ...death.spec, template: { metadata: { labels }, spec: pod } },
  };
  const answer = await client.call("POST", `/apis/batch/v1/namespaces/${namespace}/jobs`, { body });
  if (answer.status !== 201) throw new Error(`the Job ${name} cannot be made: ${JSON.stringify(answer.body)}`);
}

interface Acting {
  readonly client: ClusterClient;
  readonly namespace: string;
  readonly name: string;
  readonly pod: string;
}

async function act(what: Act, { client, namespace, name, pod }: Acting): Promise<void> {
  if (typeof what === "function") return what();
  const pods = `/api/v1/namespaces/${namespace}/pods/${pod}`;
  switch (what) {
    case "remove the Job":
      return removeJob({ client, namespace, name });
    case "remove the pod":
      await client.call("DELETE", pods);
      return;
    case "evict the pod":
      await client.call("POST", `${pods}/eviction`, {
        body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace } },
      });
  }
}

async function removeJob({ client, namespace, name }: Omit<Acting, "pod">): Promise<void> {
  await client.call("DELETE", `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`, { query: { propagationPolicy: "Background" } });
}

/** In the place of a server: takes everything. */
function listeningLine(hear: (id: string, account: Account) => void): ServerLine {
  return {
    async tell(to, account) {
      if ("id" in to) hear(to.id, account);
      return { is: "answered", answer: { status: "accepted_in_flight" } };
    },
    tellLog: async ({ offset, bytes }) => ({ is: "answered", answer: { status: "stored", next: offset + bytes.length } }),
    // It keeps no logs.
    toldLogs: async () => ({ is: "answered", answer: { status: "accepted_stale", sources: [] } }),
    tellUndelivered: async () => ({ is: "answered", answer: null }),
    takeTurn: async () => ({ is: "answered", answer: true }),
  };
}
