/** What a launcher and its reconciler share about the place that they look after. */
import {
  isRunnerAttempt,
  isRunnerKey,
  RUNNER_EXIT,
  spawnAgainMs,
  type Change,
  type LiveJob,
  type Outcome,
  type Result,
} from "@windlass/kernel";
import type { ClaimedJob, EndedFact, Executor } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import type { LaunchSpans } from "./launch-spans.ts";
import type { Settling } from "./settling.ts";

/** What the launcher knows of its place right now. */
export interface Place {
  readonly context: EngineContext;
  readonly executor: Executor;
  /** The name of the queues of which it launches; undefined: of all. */
  readonly queueName: string | undefined;
  /** Whether it is one of those that this launcher launches; it looks after all that is at its place. */
  readonly serves: (live: LiveJob) => boolean;
  readonly session: () => string;
  readonly results: Settling;
  readonly spans: LaunchSpans;
  /** Jobs whose attempt counts against the executor's limit: id → name. */
  readonly alive: Map<string, string>;
  /** True once the launcher is to stop: what cannot be launched now is left to whoever serves the place next. */
  closing: boolean;
  /** Launches what is ours. Nobody waits for it: a launch lasts as long as an image is pulled, or a quota is exceeded. */
  readonly launch: (job: ClaimedJob) => void;
  /** Names that are being launched by us at this moment. */
  readonly launching: Set<string>;
  /** Claims of this launcher: what one has stored and not answered yet is in nobody's hands. */
  readonly claims: { begun: number; answered: number };
  /** Names claimed by our session that nobody is launching, and how many claims had begun when that was first seen. */
  readonly suspects: Map<string, number>;
  /** Names at a place that is watched by others that are over or gone, or do not begin, and nobody has told of it. */
  readonly silent: Map<string, Silence>;
  /** When (monotonic) what runs there was listed last; null: not yet. */
  listedAt: number | null;
}

export interface Silence {
  readonly about: "end" | "beginning";
  /** Monotonic; or when it was looked at last. */
  readonly since: number;
}

/** A fact from outside, whichever way it came: from the executor itself, over the API, or because it is nowhere any more. */
export type Ended = Pick<EndedFact, "jobId" | "attempt" | "name" | "result" | "stopped"> & {
  readonly ref: string | null;
  /** The exact state that was told over the API. */
  readonly told?: Outcome;
};

/** The one command by which what goes on outside ends. */
export function settleByFact({ random }: Pick<EngineContext, "random">, fact: Ended): Change {
  const { jobId, attempt, name, ref, stopped, told } = fact;
  const result = isRunnerAttempt(name) ? saying(fact.result) : fact.result;
  const by = { type: "executor", name, ref } as const;
  const chance = random.next();
  const retryAfterMs = isRunnerAttempt(name) ? spawnAgainMs(result, attempt, chance) : undefined;
  return { type: "settle", id: jobId, attempt, by, result, stopped, told, retryAfterMs, random: chance };
}

/** A runner that could not work printed why in its last line: its execution is to say it. */
function saying(result: Result): Result {
  const { exitCode, evidence, message } = result;
  const printed = evidence?.["logTail"];
  if ((exitCode !== RUNNER_EXIT.misled && exitCode !== RUNNER_EXIT.unavailable) || typeof printed !== "string") return result;
  const last = printed.trimEnd().split("\n").at(-1) ?? "";
  return last === "" ? result : { ...result, message: `${message ?? "it failed"}: ${last}` };
}

/** How an attempt is settled by whoever holds its launch. */
export function settleByHolder(place: Place, live: LiveJob, result: Result): Change {
  const random = place.context.random.next();
  const retryAfterMs = isRunnerKey(live.childKey) ? spawnAgainMs(result, live.attempt, random) : undefined;
  return {
    type: "settle",
    id: live.id,
    attempt: live.attempt,
    by: { type: "holder", token: live.token },
    result,
    stopped: live.state === "stopping",
    retryAfterMs,
    random,
  };
}
