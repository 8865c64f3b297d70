/**
 * The whole core on a fake clock, from one seed: two processes on one store, handlers, a host each, jobs of all shapes,
 * and everything that goes wrong. `history` is what really happened, to hold the store's account against.
 */
import {
  engine,
  localBus,
  parked,
  retryAfter,
  failForGood,
  type Engine,
  type EnginePorts,
  type Handler,
  type SubmitRequest,
  type Worker,
} from "@windlass/engine";
import type { Bus, Logger, Store } from "@windlass/ports";
import { openSqliteStore } from "@windlass/sqlite";
import { fakeClock, memoryLogs, quietLogger, seededRandom, type FakeClock, type SeededRandom } from "@windlass/testkit/fakes";
import { CALM, simulatedProcess, type FaultRates, type SimulatedProcess } from "./faults.ts";
import { fakeSite, type FakeSite } from "./fake-site.ts";
import { graphKind, stepKind, taskKind } from "./graph-kind.ts";

/** One call of a handler. */
export interface HandlerRun {
  readonly jobId: string;
  readonly attempt: number;
  readonly process: number;
  readonly startedAt: number;
  /** What it answered; null while it runs, and for ever when its process died. */
  answer: "ok" | "error" | "retry" | "fail" | "parked" | null;
}

export interface Server {
  readonly index: number;
  readonly process: SimulatedProcess;
  readonly engine: Engine;
  readonly workers: readonly Worker[];
}

export interface World {
  readonly seed: number;
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  /** The store as it is, without faults. */
  readonly store: Store;
  readonly sites: readonly FakeSite[];
  readonly servers: (Server | null)[];
  readonly runs: HandlerRun[];
  /** Completion tokens that handlers gave out. */
  readonly tokens: string[];
  /** Jobs that were submitted behind many of another key. */
  readonly singles: string[];
  setRates(rates: FaultRates): void;
  boot(index: number): void;
  kill(index: number): void;
  /** Freezes the process and starts another in its place; the frozen one wakes up as a zombie. */
  replace(index: number, ms: number): void;
  killZombies(): void;
  /** What listeners of the live feed were told. */
  readonly listeners: readonly HeardEvents[];
  listen(): Promise<void>;
  submit(request: SubmitRequest): Promise<string>;
  close(): Promise<void>;
}

/** What one listener, which began at the beginning, heard: the last number of each job's events. */
export interface HeardEvents {
  readonly last: Map<string, number>;
  wrong: string | null;
}

/** Queues whose settings change at random. */
export const QUEUES = ["default", "slow"] as const;
/** One with rates and limits that never change. */
export const METERED = "metered";
export const METERED_SETTINGS = {
  rateLimit: { limit: 4, perSeconds: 2 },
  keyRateLimit: { limit: 2, perSeconds: 2 },
  keyConcurrencyLimit: 1,
} as const;
/** One in which a single job waits among many of another key. */
export const SHARED = "shared";
export const WORKER_SLOTS = 3;
const SESSION_TTL_MS = 3_000;
const HOST_LOST_AFTER_MS = 20_000;

export async function openWorld(seed: number): Promise<World> {
  const clock = fakeClock();
  const random = seededRandom(seed);
  const store = await openSqliteStore({ path: ":memory:", clock });
  const logger = quietLogger();
  let rates = CALM;
  const shared: Shared = { clock, random, store, logger, buses: [], runs: [], tokens: [], rates: () => rates };
  const sites = [0, 1].map((index) => fakeSite(`place-${index}`, { clock, random, faulty: () => rates.failing }));
  const servers: (Server | null)[] = [null, null];
  const zombies: SimulatedProcess[] = [];
  const listeners: HeardEvents[] = [];
  const singles: string[] = [];
  await store.queues.put(METERED, METERED_SETTINGS, clock.now());
  const kill = (index: number): void => {
    servers[index]?.process.kill();
    servers[index] = null;
  };
  const boot = (index: number): void => {
    const server = serverOf(shared, index, sites[index]);
    servers[index] = server;
    // A start may meet faults; the process then counts as one that did not come up, and is booted again later.
    for (const service of [server.engine, ...server.workers]) {
      service.start().catch(() => {
        if (servers[index] === server) kill(index);
      });
    }
  };
  const front = engine({ ...enginePorts(shared, simulatedProcess({ ...shared, rates: () => CALM })), executors: [] });
  await front.feed.start();
  return {
    seed,
    ...shared,
    sites,
    servers,
    singles,
    listeners,
    listen: async () => void listeners.push(await listenTo(front)),
    boot,
    kill,
    replace(index, ms) {
      const old = servers[index]?.process;
      if (old !== undefined) zombies.push(old);
      old?.freeze(ms);
      boot(index);
    },
    killZombies: () => zombies.forEach((zombie) => zombie.kill()),
    setRates: (next) => {
      rates = next;
    },
    submit: async (request) => (await front.jobs.submit(request)).id,
    async close() {
      for (const zombie of zombies) zombie.kill();
      for (const index of servers.keys()) kill(index);
      await front.feed.stop();
      await store.close();
    },
  };
}

/** What all simulated processes have in common. */
interface Shared {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly store: Store;
  readonly logger: Logger;
  readonly buses: Bus[];
  readonly runs: HandlerRun[];
  readonly tokens: string[];
  readonly rates: () => FaultRates;
}

function enginePorts(shared: Shared, { store, clock }: SimulatedProcess): EnginePorts {
  const { random, logger } = shared;
  return {
    store,
    clock,
    random,
    logger,
    bus: sharedBus(shared),
    logs: memoryLogs(),
    sha256: (text) => `hash of ${text}`,
    kinds: [graphKind, stepKind, taskKind],
  };
}

function serverOf(shared: Shared, index: number, site: FakeSite | undefined): Server {
  if (site === undefined) throw new Error(`no site ${index}`);
  const process = simulatedProcess(shared);
  const server = engine({
    ...enginePorts(shared, process),
    executors: [site.executor(process)],
    sessionTtlMs: SESSION_TTL_MS,
    hostLostAfterMs: HOST_LOST_AFTER_MS,
  });
  const handlers = { work: workHandler({ index, process, ...shared }) };
  const workers = [...QUEUES, METERED, SHARED].map((queue) =>
    server.worker({ queue, handlers, concurrency: WORKER_SLOTS, drainMs: 1_000 }),
  );
  return { index, process, engine: server, workers };
}

async function listenTo({ feed }: Engine): Promise<HeardEvents> {
  const heard: HeardEvents = { last: new Map(), wrong: null };
  const subscription = await feed.subscribe(() => true, "");
  void (async () => {
    for await (const item of subscription) {
      if (item.type === "reset") return void (heard.wrong ??= "a listener that keeps up was reset");
      const { jobId, seq } = item.event;
      const last = heard.last.get(jobId) ?? 0;
      if (seq !== last + 1) heard.wrong ??= `a listener heard event ${seq} of ${jobId} after ${last}`;
      heard.last.set(jobId, seq);
    }
  })();
  return heard;
}

/** A bus that reaches every process, late and not always. */
function sharedBus({ buses, clock, random, rates }: Shared): Bus {
  const own = localBus();
  buses.push(own);
  return {
    ...own,
    publish(topic, key) {
      for (const bus of buses) if (!random.chance(rates().losing * 3)) clock.after(random.int(5), () => bus.publish(topic, key));
    },
  };
}

interface HandlerParts {
  readonly index: number;
  readonly process: SimulatedProcess;
  readonly random: SeededRandom;
  readonly runs: HandlerRun[];
  readonly tokens: string[];
}

/** Does what its input says for each attempt: `{ms, answers: ["error", "ok"], deaf}`. */
function workHandler({ index, process, random, runs, tokens }: HandlerParts): Handler {
  return async (context) => {
    const input = context.input as { ms?: number; answers?: string[]; deaf?: boolean } | null;
    const run: HandlerRun = {
      jobId: context.jobId,
      attempt: context.attempt,
      process: index,
      startedAt: process.clock.now(),
      answer: null,
    };
    runs.push(run);
    if (random.chance(0.2)) await context.progress(0.5, "half way").catch(() => {});
    await new Promise<void>((resolve, reject) => {
      process.clock.after(input?.ms ?? 0, resolve);
      if (input?.deaf !== true) context.signal.addEventListener("abort", () => reject(context.signal.reason as Error));
    });
    const answer = input?.answers?.[context.attempt - 1] ?? "ok";
    const output = { jobId: context.jobId, attempt: context.attempt };
    switch (answer) {
      case "error":
        run.answer = "error";
        throw new Error("simulated: the handler failed");
      case "retry":
        run.answer = "retry";
        return retryAfter(500);
      case "fail":
        run.answer = "fail";
        return failForGood("simulated: hopeless");
      case "parked":
        tokens.push(await context.completionToken());
        run.answer = "parked";
        return parked({ timeoutMs: 30_000 });
      default:
        run.answer = "ok";
        return output;
    }
  };
}
