/**
 * The cluster watcher: sees what becomes of the Jobs of ours on a cluster, and tells the server. It changes nothing there, and
 * knows of the server only its address and a token.
 */
import { serviceOf, seconds, type JsonObject, type Service } from "@windlass/kernel";
import { FactMemory, type ClusterClient, type Graces } from "@windlass/kubernetes";
import type { Clock, Logger, Random } from "@windlass/ports";
import { informer, uidOf, type Informer } from "./informer.ts";
import { JobDesk } from "./job-desk.ts";
import { jobLogs, type JobLogs } from "./job-logs.ts";
import { rest, type Machine } from "./machine.ts";
import type { ServerLine } from "./server-line.ts";
import { atOnce } from "./at-once.ts";
import { watcherMetrics, type WatcherMetrics } from "./watcher-metrics.ts";

export interface ClusterWatcherOptions {
  readonly client: ClusterClient;
  readonly line: ServerLine;
  /** Empty: all of the cluster. */
  readonly namespaces: readonly string[];
  readonly selector: string;
  readonly graces: Graces;
  /** Watchers that share it take turns; empty: this one does not ask whether it is its turn. */
  readonly turn: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export interface ClusterWatcher extends Service {
  readonly metrics: WatcherMetrics;
  /** For who asks whether it works: `ready` when it keeps up, or waits for its turn. */
  state(): WatcherState;
}

export interface WatcherState {
  readonly isReady: boolean;
  readonly isLeading: boolean;
  readonly jobs: number;
  readonly undelivered: number;
  /** Kinds of objects, with whether each keeps up. */
  readonly watches: Readonly<Record<string, boolean>>;
}

/** Logs that are followed at once: each is a connection of the cluster and of its node. */
const STREAMS_MAX = 1_500;
/** Another takes over when the one whose turn it is has been silent for so long. */
const TURN_SECONDS = 15;
/** Events and nodes make a verdict more telling, so they are awaited for a moment; it can be had without them. */
const OPTIONAL_MS: number = seconds(5);

interface Round {
  readonly memory: FactMemory;
  readonly desk: JobDesk;
  readonly logs: JobLogs;
  readonly informers: readonly Informer[];
  end(): Promise<void>;
}

export function clusterWatcher(options: ClusterWatcherOptions): ClusterWatcher {
  const metrics = watcherMetrics();
  const holder = Buffer.from(options.random.bytes(16)).toString("hex");
  let round: Round | null = null;
  let isWaiting = false;
  const state = (): WatcherState => {
    const informers = round?.informers ?? [];
    const watches = Object.fromEntries(informers.map((one) => [one.what, one.isCurrent()]));
    return {
      isReady: isWaiting || (round !== null && informers.every((one) => one.isCurrent() || one.isOptional)),
      isLeading: round !== null,
      jobs: round?.memory.size ?? 0,
      undelivered: round?.desk.undelivered ?? 0,
      watches,
    };
  };
  metrics.gauges.jobs = () => state().jobs;
  metrics.gauges.undelivered = () => state().undelivered;
  metrics.gauges.streams = () => round?.logs.count ?? 0;
  metrics.gauges.isLeading = () => round !== null;

  const service = serviceOf("cluster watcher", async () => {
    const over = new AbortController();
    const machine: Machine = { clock: options.clock, random: options.random, logger: options.logger, metrics, signal: over.signal };
    const work = turns(options, { machine, holder }, async (isMine) => {
      if (isMine ? round !== null : isWaiting) return;
      if (isMine) {
        options.logger.info("it watches the cluster", { namespaces: options.namespaces, selector: options.selector });
        round = beginRound(options, machine);
        isWaiting = false;
      } else {
        options.logger.info("another one watches the cluster; it waits for its turn");
        isWaiting = true;
        await round?.end();
        round = null;
      }
    });
    return async () => {
      over.abort();
      await work;
      await round?.end();
      round = null;
      isWaiting = false;
      if (options.turn !== "") await options.line.takeTurn({ name: options.turn, holder, ttlSeconds: 0 });
    };
  });
  return { ...service, metrics, state };
}

/** Asks whose turn it is again and again. A server that does not answer leaves it as it is: what is told twice does no harm. */
async function turns(
  { line, turn }: ClusterWatcherOptions,
  { machine, holder }: { readonly machine: Machine; readonly holder: string },
  change: (isMine: boolean) => Promise<void>,
): Promise<void> {
  if (turn === "") return change(true);
  let wasAnswered = true;
  for (let isMine: boolean | null = null; !machine.signal.aborted;) {
    const told = await line.takeTurn({ name: turn, holder, ttlSeconds: TURN_SECONDS });
    if (told.is === "answered") isMine = told.answer;
    else {
      machine.metrics.posted("turn", told.is === "failed" && told.isDenied === true ? "denied" : told.is);
      if (wasAnswered) machine.logger.warn("the server does not say whose turn it is", { why: told.why });
    }
    wasAnswered = told.is === "answered";
    if (!machine.signal.aborted) await change(isMine ?? true);
    await rest(seconds(TURN_SECONDS) / 3, machine);
  }
}

function beginRound(options: ClusterWatcherOptions, outer: Machine): Round {
  const over = new AbortController();
  const stop = (): void => over.abort();
  outer.signal.addEventListener("abort", stop, { once: true });
  const machine: Machine = { ...outer, signal: over.signal };
  const memory = new FactMemory();
  const { client, line, graces } = options;
  const logs = jobLogs({ client, line, machine, room: { bytes: 0 }, turn: atOnce(STREAMS_MAX) }, (uid) => desk.touch(uid));
  const podsAreCurrent = (namespace: string): boolean =>
    places.find((place) => place.namespace === "" || place.namespace === namespace)?.pods?.isCurrent() ?? true;
  const desk: JobDesk = new JobDesk({ memory, line, graces, machine, logs, podsAreCurrent });
  const { places, nodes } = informersOf(options, { memory, desk, machine });
  const informers = [...places.flatMap((place) => place.informers), nodes];
  const openings = places.map((place) => opened(place, { nodes, desk, machine }));
  return {
    memory,
    desk,
    logs,
    informers,
    async end() {
      over.abort();
      outer.signal.removeEventListener("abort", stop);
      await Promise.allSettled(informers.map(({ done }) => done));
      await Promise.allSettled([desk.settled(), logs.settled(), ...openings]);
    },
  };
}

interface Place {
  /** Empty: all of the cluster. */
  readonly namespace: string;
  readonly informers: readonly Informer[];
  readonly pods: Informer | undefined;
}

/** Each namespace for itself: one that may not be read keeps nobody else's ends from being told. */
async function opened(
  { namespace, informers }: Place,
  { nodes, desk, machine }: { readonly nodes: Informer; readonly desk: JobDesk; readonly machine: Machine },
): Promise<void> {
  await Promise.all(informers.filter(({ isOptional }) => !isOptional).map(({ listed }) => listed));
  const others = [...informers.filter(({ isOptional }) => isOptional), nodes];
  await Promise.race([Promise.all(others.map(({ listed }) => listed)), rest(OPTIONAL_MS, machine)]);
  desk.open(namespace);
}

interface Listening {
  readonly memory: FactMemory;
  readonly desk: JobDesk;
  readonly machine: Machine;
}

function informersOf(
  { client, namespaces, selector }: ClusterWatcherOptions,
  { memory, desk, machine }: Listening,
): { readonly places: readonly Place[]; readonly nodes: Informer } {
  const now = (): number => machine.clock.now();
  const touch = (...uids: readonly (string | null)[]): void => {
    for (const uid of uids) if (uid !== null) desk.touch(uid);
  };
  const kinds = (place: string): readonly Kind[] => [
    {
      what: "jobs",
      path: `/apis/batch/v1/${within(place, "jobs")}`,
      selector,
      see: (object) => touch(memory.seeJob(object)),
      lose: (uid, isSeen) => touch(memory.loseJob(uid, now(), isSeen) ? uid : null),
    },
    {
      what: "pods",
      path: `/api/v1/${within(place, "pods")}`,
      selector,
      see: (object) => touch(memory.seePod(object, now())),
      lose: (uid) => touch(memory.losePod(uid, now())),
    },
    {
      what: "events",
      path: `/api/v1/${within(place, "events")}`,
      isOptional: true,
      // They are the one kind that the API server keeps no cache of.
      hasBookmarks: false,
      see: (object) => touch(memory.seeEvent(object)),
      lose: null,
    },
  ];
  const nodes: Kind = {
    what: "nodes",
    path: "/api/v1/nodes",
    isOptional: true,
    see: (object) => touch(...memory.seeNode(object)),
    lose: (_, __, object) => touch(...memory.loseNode(nameOf(object), now())),
  };
  const places = namespaces.length === 0 ? [""] : namespaces;
  const named = (kind: Kind, place: string): Kind => (places.length === 1 ? kind : { ...kind, what: `${kind.what} of ${place}` });
  return {
    places: places.map((namespace) => {
      const informers = kinds(namespace).map((kind) => listened(named(kind, namespace), { client, machine }));
      return { namespace, informers, pods: informers.find(({ what }) => what.startsWith("pods")) };
    }),
    nodes: listened(nodes, { client, machine }),
  };
}

function within(place: string, kind: string): string {
  return place === "" ? kind : `namespaces/${encodeURIComponent(place)}/${kind}`;
}

interface Kind {
  readonly what: string;
  readonly path: string;
  readonly selector?: string;
  readonly isOptional?: boolean;
  readonly hasBookmarks?: boolean;
  readonly see: (object: JsonObject) => void;
  /** Null: that one is gone says nothing. */
  readonly lose: ((uid: string, isSeen: boolean, object: JsonObject) => void) | null;
}

/** Knows what is there, so that a list shows what went unseen. Only UIDs and names are kept. */
function listened(
  { see, lose, ...kind }: Kind,
  { client, machine }: { readonly client: ClusterClient; readonly machine: Machine },
): Informer {
  const known = new Map<string, JsonObject>();
  const onObject = (object: JsonObject): void => {
    if (lose !== null) known.set(uidOf(object), { metadata: { name: nameOf(object) } });
    see(object);
  };
  const onGone = (object: JsonObject): void => {
    if (lose === null) return;
    known.delete(uidOf(object));
    see(object);
    lose(uidOf(object), true, object);
  };
  const onListed = (uids: ReadonlySet<string>): void => {
    for (const [uid, object] of known) {
      if (uids.has(uid)) continue;
      known.delete(uid);
      lose?.(uid, false, object);
    }
  };
  return informer({ ...kind, client, onObject, onGone, onListed }, machine);
}

function nameOf(object: JsonObject): string {
  const { metadata } = object as { readonly metadata?: { readonly name?: string } };
  return metadata?.name ?? "";
}
