/**
 * Runs handlers: claims jobs of one queue, calls the code registered for them, stores how it went.
 *
 * W1. A slot is taken by a claim and free again when the handler has ended, whatever becomes of its result: the next
 *     claim and the results of the last share a commit. Results that wait to be stored are limited.
 * W2. Results are kept until the store has taken them or the session is lost.
 * W3. A worker that has lost its session stops its handlers and writes nothing for them: their tokens are stale.
 * W4. What the session holds and the worker does not know of (the reply to its claim was lost) is given back.
 * W5. Stopping drains: no more claims; handlers may finish; what is left when the time is over is given up as lost.
 */
import { seconds, type LiveJob } from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { handlerNameOf, type Handler } from "./handler.ts";
import { runHandler, type Run } from "./run-handler.ts";
import { loop, serviceOf, type Loop, type Service } from "./service.ts";
import { openSession, type OpenSession } from "./session.ts";
import { settling, type Settling } from "./settling.ts";

export interface WorkerOptions {
  readonly queue?: string;
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Handlers that run at once. */
  readonly concurrency?: number;
  /** How long a stop waits for handlers. */
  readonly drainMs?: number;
  readonly sessionTtlMs?: number;
}

export interface Worker extends Service {
  /** Handlers that run now. */
  readonly running: number;
}

const DEFAULT_CONCURRENCY = 10;
const DEFAULT_DRAIN: number = seconds(20);
/** How long a stopping worker tries to store what it gave up; its session runs out anyway. */
const GIVE_UP_MS: number = seconds(5);
/** Claims are woken by the bus; this is for wake-ups that were lost. */
const REST_MS = 1_000;
/** Results that may wait to be stored before nothing more is claimed. */
const UNSTORED_MAX = 1_000;
/** How often the worker compares what its session holds with what it runs. */
const COMPARE_MS: number = seconds(5);
/** Jobs that one comparison gives back at most. */
const UNKNOWN_MAX = 100;
/** A job whose handler is not known here may be known to another worker: it is put off for so long. */
const UNKNOWN_HANDLER_REST: number = seconds(10);

export function worker(context: EngineContext, options: WorkerOptions): Worker {
  const queue = options.queue ?? "default";
  const concurrency = options.concurrency ?? DEFAULT_CONCURRENCY;
  const runs = new Map<string, Run>();
  const service = serviceOf(`worker ${queue}`, async () => {
    const results = settling(context);
    let claims: Loop | null = null;
    const session = await openSession(context, {
      role: "worker",
      place: null,
      serves: [{ executor: "handler", queue, handlers: Object.keys(options.handlers) }],
      ttlMs: options.sessionTtlMs,
      onLost: () => {
        for (const run of runs.values()) run.abandon("the worker was out of touch for too long and lost the job");
        claims?.wake();
      },
    });
    const running: ClaimLoop = {
      context,
      queue,
      concurrency,
      session,
      runs,
      takes: new Map(),
      stops: { suspected: false },
      results,
      handlers: options.handlers,
    };
    const stops = context.bus.subscribe("stopping", (key) => {
      if (key !== session.id) return;
      running.stops.suspected = true;
      claims?.wake();
    });
    claims = claimLoop(running);
    await claims.start();
    return async () => {
      await claims.stop();
      await drain(running, options.drainMs ?? DEFAULT_DRAIN);
      stops();
      await session.close();
    };
  });
  return Object.defineProperty({ ...service, running: 0 }, "running", { get: () => runs.size, enumerable: true });
}

interface ClaimLoop {
  readonly context: EngineContext;
  readonly queue: string;
  readonly concurrency: number;
  readonly session: OpenSession;
  readonly runs: Map<string, Run>;
  /** One for each claimed job, by id, until its result is stored. */
  readonly takes: Map<string, Promise<void>>;
  /** Set by a wake-up: one of our jobs may be told to stop. */
  readonly stops: { suspected: boolean };
  readonly results: Settling;
  readonly handlers: Readonly<Record<string, Handler>>;
}

function claimLoop(options: ClaimLoop): Loop {
  const { context, queue, concurrency, session, runs, takes } = options;
  const topic = `handler/${queue}`;
  const lookForStops = every(context, REST_MS);
  const compare = every(context, COMPARE_MS);
  const claims: Loop = loop({
    name: `claims of ${queue}`,
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    subscribe: (wake) => context.bus.subscribe("ready", (key) => key === topic && wake()),
    pass: async () => {
      await session.ensure();
      if (options.stops.suspected || lookForStops()) {
        options.stops.suspected = false;
        await tellStops(context, session.id, runs);
      }
      if (compare()) await giveBackUnknown(options);
      const free = Math.min(concurrency - runs.size, concurrency + UNSTORED_MAX - takes.size);
      if (free <= 0) return false;
      const { jobs, signals } = await context.store.jobs.claim({
        executor: "handler",
        queues: [queue],
        session: session.id,
        place: null,
        limit: free,
        now: context.now(),
      });
      if (jobs.length === 0) return false;
      context.announce(signals);
      // Nothing of it has begun; whoever claims it next may begin it as the same attempt.
      if (session.lost)
        return giveBack(
          context,
          jobs.map((job) => job.live),
        );
      for (const job of jobs) {
        const taken = take(options, job, () => claims.wake()).finally(() => {
          if (takes.get(job.live.id) === taken) takes.delete(job.live.id);
          claims.wake();
        });
        takes.set(job.live.id, taken);
      }
      return jobs.length === free;
    },
  });
  return claims;
}

/** True at most once per `ms`. */
function every(context: EngineContext, ms: number): () => boolean {
  let lastAt = context.clock.monotonic();
  return () => {
    const now = context.clock.monotonic();
    if (now - lastAt < ms) return false;
    lastAt = now;
    return true;
  };
}

async function take({ context, handlers, runs, results }: ClaimLoop, job: ClaimedJob, freed: () => void): Promise<void> {
  const name = handlerNameOf(job.record);
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  const { id, token } = job.live;
  if (handler === undefined) {
    context.logger.warn("no handler of that name here; the job is put off", { job: id, handler: name, known: Object.keys(handlers) });
    await results.settle({ type: "defer", id, token, until: context.now() + UNKNOWN_HANDLER_REST, reason: "handler_unknown" });
    return;
  }
  const run = runHandler(context, job, handler);
  runs.set(id, run);
  const change = await run.ended;
  if (runs.get(id) === run) runs.delete(id);
  freed();
  if (change !== null) await results.settle(change);
}

/** Tells the handlers whose jobs are to stop. Looks at the store: the wake-up alone says nothing. */
async function tellStops(context: EngineContext, session: string, runs: ReadonlyMap<string, Run>): Promise<void> {
  if (runs.size === 0) return;
  const stopping = await context.store.jobs.live({ session, states: ["stopping"] }, runs.size);
  for (const live of stopping) if (live.stop !== null) runs.get(live.id)?.stop(live.stop);
}

/**
 * Runs between claims, never beside one, so whatever is held and not known was claimed by a call whose reply was lost (W4).
 * When the session was lost meanwhile, what it held was abandoned, not unknown: its handlers had begun, so that attempt
 * counts, and only the reconciler may end it.
 */
async function giveBackUnknown({ context, session, takes }: ClaimLoop): Promise<void> {
  const held = await context.store.jobs.live({ session: session.id }, takes.size + UNKNOWN_MAX);
  if (session.lost) return;
  await giveBack(
    context,
    held.filter((live) => !takes.has(live.id)),
  );
}

/** Gives back what has not begun. Never more to do at once. */
async function giveBack(context: EngineContext, unbegun: readonly LiveJob[]): Promise<false> {
  await context.commit(
    unbegun.map((live) =>
      live.state === "stopping"
        ? {
            type: "lose",
            id: live.id,
            token: live.token,
            reason: "worker_lost",
            message: "its worker never learned that it held it",
            random: context.random.next(),
          }
        : { type: "release", id: live.id, token: live.token },
    ),
  );
  return false;
}

/** Waits for what runs; what is left when the time is over is given up (W5), also when the store cannot be told. */
async function drain(running: ClaimLoop, drainMs: number): Promise<void> {
  await takesEnded(running, drainMs);
  for (const run of running.runs.values()) run.giveUp("the worker stopped before the handler had ended");
  await takesEnded(running, GIVE_UP_MS);
  running.results.close();
  await Promise.all(running.takes.values());
}

/** Resolves when every result is stored, or the time is over. */
async function takesEnded({ context, takes }: ClaimLoop, limitMs: number): Promise<void> {
  if (takes.size === 0) return;
  await new Promise<void>((resolve) => {
    const cancel = context.clock.after(limitMs, resolve);
    void Promise.all(takes.values()).then(() => {
      cancel();
      resolve();
    });
  });
}
