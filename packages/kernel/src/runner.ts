/**
 * Runners: the jobs that carry the steps of one isolated execution out, in a process or container of their own. What they
 * are called, which queue they serve, and when an execution gives up making them. Pure.
 *
 * R1. The steps of an isolated execution wait in a queue of its own, which only its runner serves.
 * R2. Runners of one parent are numbered without gaps: the next one is made only when the one before has ended.
 * R3. A runner that never began is tried again as another attempt, after a pause; one that began and died is followed by the
 *     next number, as long as a step is ready.
 */
import { minutes, seconds } from "./duration.ts";
import { DEFAULT_QUEUE, type JobKindName, type JobRecord, type Result } from "./job.ts";
import { backoffDelay, NO_RETRY, type Backoff, type RetryPolicy } from "./retry.ts";

/** The name of a runner's job. */
export const RUNNER_NAME = "runner";
export const RUNNER_KIND = "task" satisfies JobKindName;
/** The queue in which runners wait to be started: its limits are those of how many there are at once. */
export const RUNNERS_QUEUE = "runners";
/** How long a runner may live where its workflow has no time limit. */
export const RUNNER_SECONDS = 300;
/** What a runner calls the handler that starts commands. */
export const SHELL_HANDLER = "windlass.shell";
/** And the one that calls addresses. */
export const HTTP_HANDLER = "windlass.http";
/** Steps that a runner carries out at once. */
export const RUNNER_CONCURRENCY = 10;

/** How a runner ends by itself. */
export const RUNNER_EXIT = {
  /** Nothing was to do for a moment. */
  well: 0,
  /** Its environment is not as it must be: the next one would meet the same. */
  misled: 1,
  /** The server did not answer, or did not know its token (EX_TEMPFAIL of sysexits.h): another one may be luckier. */
  unavailable: 75,
  /** As shells have it: told to end by SIGTERM. */
  terminated: 143,
} as const;

/** Between the tries to make a runner: a cluster may be away for minutes. */
const SPAWN_BACKOFF: Backoff = { initial: seconds(1), factor: 3, max: minutes(5), jitter: 0.2 };
/** Before the next runner where the last ones found nothing to do. */
const IDLE_BACKOFF: Backoff = { initial: seconds(1), factor: 2, max: minutes(1), jitter: 0 };

/** Of a runner's job: so many attempts at making it, and none once it began (R3). */
export function spawnRetry(attemptsMax: number): RetryPolicy {
  return { ...NO_RETRY, limit: attemptsMax - 1 };
}

/** True when nothing of a runner ever ran. */
export function neverBegan({ outcome, reason }: Pick<Result, "outcome" | "reason">): boolean {
  return outcome === "failed_config" || outcome === "failed_image_pull" || reason === "launch_failed" || reason === "no_executor";
}

/** How long to wait before another try to make a runner; undefined: it began, or another try would meet the same. */
export function spawnAgainMs(result: Pick<Result, "outcome" | "reason">, attempt: number, random: number): number | undefined {
  return neverBegan(result) && result.reason !== "bad_spec" ? backoffDelay(SPAWN_BACKOFF, attempt, random) : undefined;
}

/** How long to wait before the next runner when the last `idle` ones in a row ended no step; 0: not at all. */
export function idleMs(idle: number): number {
  return idle === 0 ? 0 : backoffDelay(IDLE_BACKOFF, idle, 0);
}

/** No step is called so: the names of steps do not begin with `#`. */
const KEY_PREFIX = "#runner/";
const QUEUE_PREFIX = "execution/";
const NAME_PREFIX = "workflow-exec-";

export function runnerKeyOf(number: number): string {
  return `${KEY_PREFIX}${number}`;
}

export function isRunnerKey(childKey: string | null): boolean {
  return childKey !== null && childKey.startsWith(KEY_PREFIX);
}

export function isRunner({ kind, childKey }: Pick<JobRecord, "kind" | "childKey">): boolean {
  return kind === RUNNER_KIND && isRunnerKey(childKey);
}

/** The name of the queue of an execution (R1). */
export function executionQueueOf(executionId: string): string {
  return `${QUEUE_PREFIX}${executionId}`;
}

/** The execution whose queue this is; null: any other queue. */
export function executionOfQueue(name: string): string | null {
  return name.startsWith(QUEUE_PREFIX) ? name.slice(QUEUE_PREFIX.length) : null;
}

/** The queue under which figures count it: that of an execution is there for a moment, and they would be of no use. */
export function countedQueueOf(name: string): string {
  return name.startsWith(QUEUE_PREFIX) ? "execution" : name;
}

/** For whoever may name a queue: those of executions are none of his, but of the jobs `within` which he does. Null: it may be named. */
export function faultOfNamedQueue(name: string, within: readonly string[] = []): string | null {
  const execution = executionOfQueue(name);
  return execution !== null && !within.includes(execution)
    ? `${JSON.stringify(name)} is the queue of an isolated execution, which only its runner serves; take another, for example ${DEFAULT_QUEUE}`
    : null;
}

/** What a runner's attempt is called outside; `parent` is the execution, or what ends it. */
export function runnerAttemptName(parentId: string, number: string, attempt: number): string {
  const id = parentId.replaceAll("_", "-");
  return number === "0" && attempt === 1 ? `${NAME_PREFIX}${id}` : `${NAME_PREFIX}${id}-${number}-${attempt}`;
}

export function isRunnerAttempt(name: string): boolean {
  return name.startsWith(NAME_PREFIX);
}

/** The number of a runner, of its key. */
export function runnerNumberOf(childKey: string): string {
  return childKey.slice(KEY_PREFIX.length);
}
