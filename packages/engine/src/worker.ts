/**
 * Runs handlers in this process: claims jobs of one queue, calls the code registered for them, stores how it went.
 *
 * W1. A slot is taken by a claim and free again when the handler has ended, whatever becomes of its result: the next
 *     claim and the results of the last share a commit. Results that wait to be stored are limited.
 * W2. Results are kept until the store has taken them or the session is lost.
 * W3. A worker that has lost its session stops its handlers and writes nothing for them: their tokens are stale. What was about to
 *     begin then does not: others may have it already.
 * W4. What the session holds and the worker does not know of (the reply to its claim was lost) is given back (claims.ts).
 * W5. Stopping drains: no more claims; handlers may finish; what is left when the time is over is given up as lost, or given back
 *     where it has not begun.
 * W6. What was read ahead of the slots begins in order as slots come free; it is given back when that takes long, when its queue is held and
 *     when the worker stops, and forgotten when the session is lost: nothing of it has begun.
 */
import {
  changeOfEnd,
  endHandlerSpan,
  DEFAULT_QUEUE,
  DEFAULT_WORKSPACE,
  HANDLER_UNKNOWN,
  handlerNameOf,
  messageOf,
  NO_SECRETS,
  queueKeyOf,
  runHandler,
  seconds,
  type Handler,
  type HandlerEnd,
  type LiveJob,
  type Run,
} from "@windlass/kernel";
import type { ClaimedJob } from "@windlass/ports";
import { beginAttempt } from "./attempt-trace.ts";
import { claimLoop, giveBack, type Carrier } from "./claims.ts";
import type { EngineContext } from "./context.ts";
import { aliasesIn, givenSecrets, type Given } from "./given-secrets.ts";
import { handledJob, handlerHost, maskedEnd, maskOfJob } from "./handler-host.ts";
import { readAhead, type ReadAhead } from "./read-ahead.ts";
import { serviceOf, type Loop, type Service } from "./service.ts";
import { openSession } from "./session.ts";
import { settling, type Settling } from "./settling.ts";

export interface WorkerOptions {
  /** Its name within the workspace. */
  readonly queue?: string;
  /** Whose queue it is; `default` when left out. */
  readonly workspace?: string;
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
/** Results that may wait to be stored before nothing more is claimed. */
const UNSTORED_MAX = 4_000;

export function worker(context: EngineContext, options: WorkerOptions): Worker {
  const queue = queueKeyOf(options.workspace ?? DEFAULT_WORKSPACE, options.queue ?? DEFAULT_QUEUE);
  return carry(context, { executor: "handler", queue, options });
}

/** Carries the tools of a server out, of all queues and workspaces. */
export function toolWorker(context: EngineContext, options: Pick<WorkerOptions, "handlers" | "concurrency" | "sessionTtlMs">): Worker {
  return carry(context, { executor: "tool", queue: "*", options });
}

interface Carrying {
  readonly executor: "handler" | "tool";
  /** The key of its queue, or `*` for all. */
  readonly queue: string;
  readonly options: WorkerOptions;
}

function carry(context: EngineContext, { executor, queue, options }: Carrying): Worker {
  const running: Running = {
    context,
    concurrency: options.concurrency ?? DEFAULT_CONCURRENCY,
    runs: new Map(),
    opening: 0,
    losses: 0,
    isGivenUp: false,
    ahead: readAhead(() => context.clock.monotonic()),
    recalled: [],
    takes: new Map(),
    stored: null,
    handlers: options.handlers,
  };
  const { runs, ahead } = running;
  const service = serviceOf(`${executor === "tool" ? "tools" : "worker"} ${queue}`, async () => {
    const results = settling(context);
    running.isGivenUp = false;
    let claims: Loop | null = null;
    const wake = (): void => claims?.wake();
    const session = await openSession(context, {
      role: "worker",
      place: null,
      serves: [{ executor, queue, handlers: Object.keys(options.handlers) }],
      ttlMs: options.sessionTtlMs,
      onLost: () => {
        running.losses++;
        ahead.clear();
        running.recalled.length = 0;
        for (const run of runs.values()) run.abandon("the worker was out of touch for too long and lost the job");
        wake();
      },
    });
    const slots = {
      concurrency: running.concurrency,
      get running() {
        return runs.size;
      },
    };
    context.figures.slots.add(slots);
    claims = claimLoop(context, {
      executor,
      queues: queue === "*" ? null : [queue],
      session,
      carrier: carrierOf(running, { results, wake }),
    });
    await claims.start();
    return async () => {
      await claims.stop();
      await giveBack(context, [...running.recalled.splice(0), ...livesOf(ahead.clear())]).catch((error: unknown) => {
        // The session is closed or runs out, and what it holds is taken from it.
        context.logger.warn("what was read ahead could not be given back", { queue, error: messageOf(error) });
      });
      await drain(running, { results, drainMs: options.drainMs ?? DEFAULT_DRAIN });
      await session.close();
      context.figures.slots.delete(slots);
    };
  });
  return Object.defineProperty({ ...service, running: 0 }, "running", { get: () => runs.size, enumerable: true });
}

interface Running {
  readonly context: EngineContext;
  readonly concurrency: number;
  readonly runs: Map<string, Run>;
  readonly ahead: ReadAhead;
  /** What was let go of because its queue is held, and was not given back yet. */
  readonly recalled: LiveJob[];
  /** Attempts whose secrets are being looked up. */
  opening: number;
  /** Sessions that were lost so far. */
  losses: number;
  /** It stops, and waits for nothing that begins now. */
  isGivenUp: boolean;
  /** Claimed jobs that have begun, by id, until their results are stored. */
  readonly takes: Map<string, ClaimedJob>;
  /** Resolves when there is none; null: nobody waits for it. */
  stored: PromiseWithResolvers<void> | null;
  readonly handlers: Readonly<Record<string, Handler>>;
}

function carrierOf(running: Running, { results, wake }: Ends): Carrier {
  const { concurrency, runs, ahead, takes } = running;
  return {
    room() {
      if (results.unstored.isFull) return { limit: 0, ahead: 0 };
      const busy = runs.size + running.opening;
      return ahead.room({ free: concurrency - busy, busy }, concurrency + UNSTORED_MAX - takes.size - ahead.jobs.size);
    },
    surplus: () => [...running.recalled.splice(0), ...livesOf(ahead.stale())],
    recall(queue) {
      const back = livesOf([...ahead.jobs.values()]).filter((live) => live.queue === queue);
      for (const { id } of back) ahead.remove(id);
      running.recalled.push(...back);
    },
    take(jobs) {
      ahead.add(jobs);
      begin(running, { results, wake });
      return [];
    },
    holding: () => takes.size + ahead.jobs.size,
    // By token: an earlier attempt that still runs here is another one.
    unknown: (held) => held.filter(({ id, token }) => takes.get(id)?.live.token !== token && ahead.jobs.get(id)?.live.token !== token),
    stop(live, stop) {
      if (ahead.remove(live.id)) return false;
      runs.get(live.id)?.stop(stop);
      return true;
    },
  };
}

interface Ends {
  readonly results: Settling;
  readonly wake: () => void;
}

function livesOf(jobs: readonly ClaimedJob[]): LiveJob[] {
  return jobs.map((job) => job.live);
}

/** Begins what was claimed, as far as there are slots, and room for its results. */
function begin(running: Running, ends: Ends): void {
  const { concurrency, runs, ahead, takes } = running;
  while (runs.size + running.opening < concurrency && !ends.results.unstored.isFull) {
    const job = ahead.next();
    if (job === undefined) return;
    takes.set(job.live.id, job);
    void take(running, job, ends);
  }
}

async function take(running: Running, job: ClaimedJob, ends: Ends): Promise<void> {
  const { context, takes } = running;
  const { live } = job;
  try {
    const end = await attempt(running, job, ends);
    if (end !== null) await ends.results.settle(changeOfEnd(end, live, { now: context.now(), random: () => context.random.next() }));
  } finally {
    if (takes.get(live.id) === job) takes.delete(live.id);
    begin(running, ends);
    ends.wake();
    if (takes.size === 0) running.stored?.resolve();
  }
}

/** The secrets that an attempt asks for by alias. It counts as one that runs while they are looked up. */
async function secretsOf(running: Running, { record }: ClaimedJob): Promise<Given | "unknown"> {
  running.opening++;
  try {
    return await givenSecrets(running.context, record);
  } catch (error) {
    running.context.logger.warn("the secrets of a job could not be looked up; it is given back", {
      job: record.id,
      error: messageOf(error),
    });
    return "unknown";
  } finally {
    running.opening--;
  }
}

/** How it ended; null when the job was lost and nothing may be stored. */
async function attempt(running: Running, job: ClaimedJob, ends: Ends): Promise<HandlerEnd | null> {
  const { context, handlers, runs, ahead } = running;
  const name = handlerNameOf(job.record);
  const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
  const { id } = job.live;
  const { losses } = running;
  if (handler === undefined) {
    context.logger.warn("no handler of that name here; the job is put off", { job: id, handler: name, known: Object.keys(handlers) });
    return HANDLER_UNKNOWN;
  }
  const given = aliasesIn(job.record).length === 0 ? null : await secretsOf(running, job);
  if (running.losses > losses) return null;
  if (given === "unknown" || running.isGivenUp) return { type: "release" };
  if (given !== null && "refused" in given) return { type: "settle", result: given.refused, stopped: false };
  const secrets = given === null ? NO_SECRETS.secrets : [...given.values.values()];
  const mask = maskOfJob(context, job, secrets);
  // It was completed from outside before its handler had parked.
  runs.get(id)?.abandon("the attempt has ended without its handler, and the job begins again");
  const span = beginAttempt(context, job);
  const host = handlerHost(context, job, mask);
  const handled = handledJob(job, span?.traceparent ?? job.record.traceparent);
  const run = span === null ? runHandler(host, handled, handler) : span.within(() => runHandler(host, handled, handler));
  runs.set(id, run);
  const end = await run.ended;
  if (runs.get(id) === run) runs.delete(id);
  ahead.ended();
  begin(running, ends);
  ends.wake();
  const told = end === null ? null : maskedEnd(end, mask, secrets);
  if (span !== null) endHandlerSpan(span, told);
  return told;
}

/** Waits for what runs; what is left when the time is over is given up (W5), also when the store cannot be told. */
async function drain(running: Running, { results, drainMs }: { readonly results: Settling; readonly drainMs: number }): Promise<void> {
  await takesEnded(running, drainMs);
  running.isGivenUp = true;
  for (const run of running.runs.values()) run.giveUp("the worker stopped before the handler had ended");
  await takesEnded(running, GIVE_UP_MS);
  results.close();
  await allStored(running);
}

/** Resolves when every result is stored or given up. */
async function allStored(running: Running): Promise<void> {
  if (running.takes.size > 0) await (running.stored ??= Promise.withResolvers()).promise;
}

/** Resolves when every result is stored, or the time is over. */
async function takesEnded(running: Running, limitMs: number): Promise<void> {
  if (running.takes.size === 0) return;
  await new Promise<void>((resolve) => {
    const cancel = running.context.clock.after(limitMs, resolve);
    void allStored(running).then(() => {
      cancel();
      resolve();
    });
  });
}
