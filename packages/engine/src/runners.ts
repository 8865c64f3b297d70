/**
 * Makes the runners of isolated executions: the jobs that carry their steps out (kernel, runner.ts). A runner is wanted when
 * a step of an execution is ready and no runner of it is there, and never otherwise: so nobody sits and waits.
 *
 * Q1. Two runners never share an execution: they are numbered, and the store makes the next number only once the one before
 *     was seen to have ended. Any number of servers may look at once.
 * Q2. What was missed is found by looking: at a start, and now and then.
 * Q3. While the execution is being ended, its runner belongs to the job that ends it: nothing else may be made then.
 * Q4. Nothing waits for a runner that cannot be: what cannot be launched ends its attempt (kernel, runner.ts, R3), and what
 *     cannot even be stored ends the steps that wait for it.
 * Q5. Runners that find nothing to do, one after the other, are made at growing distances.
 * Q6. An execution that is heard of is looked at at once, however many there are, also one that is to be looked at again. Looking again,
 *     for those whose runner is still there and of which nothing was heard, costs the same however many those are.
 */
import {
  CLOSING_KEY,
  executionOfQueue,
  formatDuration,
  idleMs,
  isWindlassError,
  messageOf,
  queueKeyOf,
  queueOfKey,
  RUNNER_KIND,
  RUNNER_NAME,
  RUNNER_SECONDS,
  runnerKeyOf,
  RUNNERS_QUEUE,
  seconds,
  spawnRetry,
  WindlassError,
  type ErrorCode,
  type ExecutorName,
  type JobRecord,
  type JsonObject,
  type LiveJob,
} from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import { ABSENT_MS, absentExecutors, type AbsentExecutors } from "./absent-executors.ts";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import type { RunnerWish } from "./job-kind.ts";
import { loop, type Loop } from "./service.ts";
import { stopOf } from "./stop.ts";
import { recordOf } from "./submit.ts";

/** How runners are made here; whoever puts the program together says it. */
export interface RunnerRules {
  /** Where a workflow names no executor. */
  readonly executor: ExecutorName;
  /** How often it is tried to make one, before its execution fails. */
  readonly attemptsMax: number;
  /** The specification of a runner's job, in the words of its executor; `env` is what the runner is told. */
  specOf(runner: { readonly executor: ExecutorName; readonly env: Readonly<Record<string, string>> }): JsonObject;
  /** What is added to it when it is launched: how the server is reached from there, and what of this host is needed. */
  launched(
    executor: ExecutorName,
    about: { readonly spec: JsonObject; readonly record: JobRecord },
  ): Pick<LaunchRequest, "spec" | "environment">;
}

/** How often an execution that wants a runner is looked at while the one before is still there. */
const AGAIN_MS: number = seconds(1);
const REST_MS: number = seconds(30);
/** Executions that are looked at in one pass, and again within `AGAIN_MS`. */
const BATCH = 100;
/** Executions whose number of runners is remembered. */
const NUMBERS_MAX = 1_000;
/** Steps that are ended at once when no runner can be made for them; the next pass ends more. */
const STEPS_ENDED_MAX = 500;
/** A longer input is not put into an environment, which holds 128 KiB a variable: steps come with their own part of it anyway. */
const INPUT_LENGTH_MAX = 32_768;

export function runners(context: EngineContext, rules: RunnerRules): Loop {
  /** Queues with something ready that were not looked at since it was heard of. */
  const heardOf = new Set<string>();
  /** Those that were, and are to be looked at again, the one first that has waited longest. */
  const again = new Set<string>();
  const seen = new Map<string, Seen>();
  const timeToLook = every(context, REST_MS);
  const timeForAgain = every(context, AGAIN_MS);
  const absent = absentExecutors(context);
  let isFirst = true;
  return loop({
    name: "runners",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: () => (again.size > 0 ? AGAIN_MS : REST_MS),
    subscribe: (wake) =>
      context.bus.subscribe("ready", (key) => {
        const queue = key.startsWith("handler/") ? key.slice("handler/".length) : "";
        if (executionOfQueue(queueOfKey(queue).name) === null || heardOf.has(queue)) return;
        again.delete(queue);
        heardOf.add(queue);
        wake();
      }),
    pass: async () => {
      if (timeToLook() || isFirst) {
        for (const queue of await waitingQueues(context)) if (!again.has(queue)) heardOf.add(queue);
        await absent.look();
      }
      isFirst = false;
      for (const queue of [...[...heardOf].slice(0, BATCH), ...(timeForAgain() ? [...again].slice(0, BATCH) : [])]) {
        // What is heard from now on counts, and it is looked at again until nothing of it is ready.
        heardOf.delete(queue);
        again.delete(queue);
        if (!(await isReady(context, queue))) continue;
        again.add(queue);
        // One that cannot be made holds up none of the others.
        await make(context, rules, { queue, seen, absent }).catch(async (error: unknown) => {
          if (isFinal(error)) await giveUp(context, queue, messageOf(error));
          context.logger.warn("a runner could not be made", { queue, error: messageOf(error) });
        });
      }
      return heardOf.size > 0;
    },
  });
}

/** What the next try would meet again. */
const FINAL: readonly ErrorCode[] = ["invalid", "too_many_jobs"];

function isFinal(error: unknown): boolean {
  return isWindlassError(error) && FINAL.includes(error.code);
}

async function waitingQueues({ store }: EngineContext): Promise<readonly string[]> {
  const queues = await store.queues.list();
  return queues.filter(({ name, queued }) => queued > 0 && executionOfQueue(queueOfKey(name).name) !== null).map(({ name }) => name);
}

async function isReady({ store }: EngineContext, queue: string): Promise<boolean> {
  return (await store.jobs.live({ executor: "handler", queue, states: ["queued"], blocked: false }, 1)).length > 0;
}

/** The runners of one parent, as far as they were looked at. */
interface Seen {
  /** The last number. */
  readonly number: number;
  /** How many before it, in a row, ended no step, and when the last of those ended. */
  readonly idle: number;
  readonly idleSince: number;
}

interface Making {
  readonly queue: string;
  /** By parent. */
  readonly seen: Map<string, Seen>;
  readonly absent: AbsentExecutors;
}

/** The next runner, when none is there. */
async function make(context: EngineContext, rules: RunnerRules, { queue, seen, absent }: Making): Promise<void> {
  const id = executionOfQueue(queueOfKey(queue).name) ?? "";
  const view = await context.store.reads.get(id);
  if (view === null || view.live === null) return;
  const { record: execution } = view;
  const wish = context.kindOf(execution.kind)?.runner?.(execution) ?? null;
  if (wish === null) return;
  const parent = await parentOf(context, execution);
  let { number, idle, idleSince } = seen.get(parent.id) ?? { number: 0, idle: 0, idleSince: 0 };
  for (; ; number++) {
    const known = await context.store.reads.child(parent.id, runnerKeyOf(number));
    remember(seen, parent.id, { number, idle, idleSince });
    if (known === null) break;
    // One that another server made meanwhile is that one (Q1).
    if (known.live !== null) return endUnserved(context, known.live, absent);
    const { final } = known;
    [idle, idleSince] = final?.progress === null ? [idle + 1, final.finishedAt] : [0, 0];
  }
  const notBefore = idle === 0 ? null : idleSince + idleMs(idle);
  const job = runnerOf(context, rules, { execution, parent, wish, number, notBefore });
  const [result] = await context.commit([{ type: "submit", job }]);
  // A parent that is about to end takes what waits along.
  if (result?.ok === false && !["parent_closed", "not_found"].includes(result.refusal.code))
    throw new WindlassError(result.refusal.code, result.refusal.why);
}

/** One that nobody could start for so long ends, and its execution with it (Q4). */
async function endUnserved(context: EngineContext, { id, state, executor, attempt }: LiveJob, absent: AbsentExecutors): Promise<void> {
  if (state !== "queued" || !absent.isLong(executor)) return;
  const message = `no server has had the executor ${executor} for ${formatDuration(ABSENT_MS)}`;
  await context.commit([stopOf(id, { reason: "no_executor", message, by: "windlass", attempt })]);
}

/** What nobody can mend by waiting ends the steps that wait for it (Q4). */
async function giveUp(context: EngineContext, queue: string, why: string): Promise<void> {
  const waiting = await context.store.jobs.live({ executor: "handler", queue, states: ["queued"], blocked: false }, STEPS_ENDED_MAX);
  const message = `no runner can be made for it: ${why}`;
  await context.commit(waiting.map(({ id, attempt }) => stopOf(id, { reason: "spawn_failed", message, by: "windlass", attempt })));
}

/** See Q3. */
async function parentOf({ store }: EngineContext, execution: JobRecord): Promise<JobRecord> {
  const closing = await store.reads.child(execution.id, CLOSING_KEY);
  return closing?.live === null || closing === null ? execution : closing.record;
}

interface Runner {
  readonly execution: JobRecord;
  readonly parent: JobRecord;
  readonly wish: RunnerWish;
  readonly number: number;
  readonly notBefore: number | null;
}

function runnerOf(context: EngineContext, rules: RunnerRules, { execution, parent, wish, number, notBefore }: Runner): JobRecord {
  const executor = wish.executor ?? rules.executor;
  const env = {
    WORKFLOW_ID: wish.workflowId,
    EXECUTION_ID: execution.id,
    WORKFLOW_INPUT: inputOf(execution),
    ...(execution.cause.type === "schedule" ? { SCHEDULE_ID: execution.cause.id } : {}),
  };
  return {
    ...recordOf(context, {
      kind: RUNNER_KIND,
      name: RUNNER_NAME,
      parent,
      childKey: runnerKeyOf(number),
      spec: rules.specOf({ executor, env }),
      executor,
      // What dies is followed by another one, as long as a step is ready: the policies of the steps count, not one of its own.
      retry: spawnRetry(rules.attemptsMax),
      timeoutMs: execution.timeoutMs ?? seconds(RUNNER_SECONDS),
      notBefore,
      // Whatever key the execution has: the limits of runners are those of workflows.
      fairnessKey: wish.workflow,
    }),
    queue: queueKeyOf(execution.workspace, RUNNERS_QUEUE),
  };
}

function inputOf({ input }: JobRecord): string {
  const text = JSON.stringify(input ?? {});
  return text.length <= INPUT_LENGTH_MAX ? text : "{}";
}

function remember(seen: Map<string, Seen>, parentId: string, found: Seen): void {
  seen.delete(parentId);
  seen.set(parentId, found);
  const [oldest] = seen.size > NUMBERS_MAX ? seen.keys() : [];
  if (oldest !== undefined) seen.delete(oldest);
}
