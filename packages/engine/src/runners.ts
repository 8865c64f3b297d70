/**
 * Makes the runners of isolated executions: the jobs that carry their steps out (kernel, runner.ts). A runner is wanted when
 * a step of an execution is ready and no runner of it is there, and never otherwise: so nobody sits and waits.
 *
 * Q1. Two runners never share an execution: they are numbered, and the store makes the next number only once the one before
 *     was seen to have ended. Any number of servers may look at once.
 * Q2. What was missed is found by looking: at a start, and now and then.
 * Q3. While the execution is being ended, its runner belongs to the job that ends it: nothing else may be made then.
 */
import {
  CLOSING_KEY,
  executionOfQueue,
  messageOf,
  NO_RETRY,
  queueKeyOf,
  queueOfKey,
  RUNNER_KIND,
  RUNNER_NAME,
  RUNNER_SECONDS,
  runnerKeyOf,
  RUNNERS_QUEUE,
  seconds,
  type ExecutorName,
  type JobRecord,
  type JsonObject,
} from "@windlass/kernel";
import type { LaunchRequest } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { every } from "./every.ts";
import type { RunnerWish } from "./job-kind.ts";
import { loop, type Loop } from "./service.ts";
import { recordOf } from "./submit.ts";

/** How runners are made here; whoever puts the program together says it. */
export interface RunnerRules {
  /** Where a workflow names no executor. */
  readonly executor: ExecutorName;
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
/** Executions that want a runner and are looked at in one pass. */
const BATCH = 100;
/** Executions whose number of runners is remembered. */
const NUMBERS_MAX = 1_000;
/** A longer input is not put into an environment, which holds 128 KiB a variable: steps come with their own part of it anyway. */
const INPUT_LENGTH_MAX = 32_768;

export function runners(context: EngineContext, rules: RunnerRules): Loop {
  const wanted = new Set<string>();
  const numbers = new Map<string, number>();
  const timeToLook = every(context, REST_MS);
  let isFirst = true;
  return loop({
    name: "runners",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: () => (wanted.size > 0 ? AGAIN_MS : REST_MS),
    subscribe: (wake) =>
      context.bus.subscribe("ready", (key) => {
        const queue = key.startsWith("handler/") ? key.slice("handler/".length) : "";
        if (executionOfQueue(queueOfKey(queue).name) === null || wanted.has(queue)) return;
        wanted.add(queue);
        wake();
      }),
    pass: async () => {
      if (isFirst || timeToLook()) for (const queue of await waitingQueues(context)) wanted.add(queue);
      isFirst = false;
      for (const queue of [...wanted].slice(0, BATCH)) {
        // Behind the others: what is heard from now on counts, and it is looked at again until nothing of it is ready.
        wanted.delete(queue);
        if (!(await isReady(context, queue))) continue;
        wanted.add(queue);
        // One that cannot be made holds up none of the others.
        await make(context, rules, { queue, numbers }).catch((error: unknown) =>
          context.logger.warn("a runner could not be made, and is tried again", { queue, error: messageOf(error) }),
        );
      }
      return false;
    },
  });
}

async function waitingQueues({ store }: EngineContext): Promise<readonly string[]> {
  const queues = await store.queues.list();
  return queues.filter(({ name, queued }) => queued > 0 && executionOfQueue(queueOfKey(name).name) !== null).map(({ name }) => name);
}

async function isReady({ store }: EngineContext, queue: string): Promise<boolean> {
  const queued = await store.jobs.live({ executor: "handler", queue, states: ["queued"] }, BATCH);
  return queued.some(({ blocked }) => !blocked);
}

interface Making {
  readonly queue: string;
  /** By parent: the last number that was looked at. */
  readonly numbers: Map<string, number>;
}

/** The next runner, when none is there. */
async function make(context: EngineContext, rules: RunnerRules, { queue, numbers }: Making): Promise<void> {
  const id = executionOfQueue(queueOfKey(queue).name) ?? "";
  const view = await context.store.reads.get(id);
  if (view === null || view.live === null) return;
  const { record: execution } = view;
  const wish = context.kindOf(execution.kind)?.runner?.(execution) ?? null;
  if (wish === null) return;
  const parent = await parentOf(context, execution);
  for (let number = numbers.get(parent.id) ?? 0; ; number++) {
    const known = await context.store.reads.child(parent.id, runnerKeyOf(number));
    remember(numbers, parent.id, number);
    if (known !== null && known.live === null) continue;
    // One that another server made meanwhile is that one (Q1). A parent that is about to end takes what waits along.
    if (known === null) await context.commit([{ type: "submit", job: runnerOf(context, rules, { execution, parent, wish, number }) }]);
    return;
  }
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
}

function runnerOf(context: EngineContext, rules: RunnerRules, { execution, parent, wish, number }: Runner): JobRecord {
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
      retry: NO_RETRY,
      timeoutMs: execution.timeoutMs ?? seconds(RUNNER_SECONDS),
    }),
    queue: queueKeyOf(execution.workspace, RUNNERS_QUEUE),
  };
}

function inputOf({ input }: JobRecord): string {
  const text = JSON.stringify(input ?? {});
  return text.length <= INPUT_LENGTH_MAX ? text : "{}";
}

function remember(numbers: Map<string, number>, parentId: string, number: number): void {
  numbers.delete(parentId);
  numbers.set(parentId, number);
  const [oldest] = numbers.size > NUMBERS_MAX ? numbers.keys() : [];
  if (oldest !== undefined) numbers.delete(oldest);
}
