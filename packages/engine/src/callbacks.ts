/**
 * What is told over the API of attempts that go on outside: the thin door on the command by which everything that goes on
 * outside ends (place.ts, `settleByFact`).
 *
 * C1. The first account of an end that fits the attempt settles it, whether its launcher has recorded its part or not.
 * C2. The same told again is known again by what the first one left in the evidence, however many come at once, and to
 *     whichever server: the answer names the same event.
 * C3. What does not fit is answered, counted, and changes nothing.
 */
import {
  CLOSING_KEY,
  isOutOfBand,
  maskedJson,
  maskOf,
  OUTPUT_LENGTH_MAX,
  outputTooLarge,
  WindlassError,
  type Attempt,
  type ChangeResult,
  type JobView,
  type Json,
  type JsonObject,
  type Mask,
  type MaskRule,
  type Outcome,
  type Result,
} from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { maskOfAttempt, withheld, type AttemptMask } from "./given-secrets.ts";
import { settleByFact } from "./place.ts";
import { reasonOfEnd, reasonOfWord } from "./told-reason.ts";

/** An account of one attempt. */
export interface Callback {
  /** Null: the one that is parked now. */
  readonly attempt: number | null;
  /** How it ended; or, of one that goes on, how it is. */
  readonly state: Outcome | "pending" | "running";
  /** What the attempt is called outside. */
  readonly name: string;
  /** What its executor knows it by (the UID of a Kubernetes Job), once that is recorded; null: not told. */
  readonly ref: string | null;
  readonly exitCode: number | null;
  /** One of the table of reasons, or a word of the cluster's own. */
  readonly reason: string | null;
  readonly message: string | null;
  /** What was printed as the result; undefined: nothing. */
  readonly output?: Json | undefined;
  readonly evidence: JsonObject;
}

export type StaleReason =
  | "unknown_execution"
  | "unknown_step"
  | "unknown_job"
  | "not_a_container_step"
  | "already_finished"
  | "other_attempt"
  | "name_mismatch"
  | "uid_mismatch";

export type CallbackAnswer =
  | { readonly status: "accepted_in_flight" | "accepted_duplicate"; readonly eventId: string }
  | { readonly status: "accepted_stale"; readonly reason: StaleReason };

export interface Callbacks {
  /** Of a job, by its id. */
  ofJob(jobId: string, callback: Callback): Promise<CallbackAnswer>;
  /** Of a container step of an execution. Throws `invalid` where the step is a loop and no iteration is named. */
  ofStep(
    step: { readonly executionId: string; readonly step: string; readonly iteration: number | null },
    callback: Callback,
  ): Promise<CallbackAnswer>;
  /** What was refused for good, and so can never be told: for somebody to look at. */
  undelivered(letter: JsonObject): void;
  /** Whether it is the holder's turn, of those who share a task; so it stays for that long. Saves work, guards nothing. */
  turn(of: { readonly name: string; readonly holder: string; readonly ttlMs: number }): Promise<boolean>;
}

/** Executors of containers: the step route is about no others. */
const CONTAINERS = ["docker", "kubernetes"];
/** Looks and tries before it is given up; each is lost to another change that came in between. */
const TRIES_MAX = 5;

export function callbacks(context: EngineContext): Callbacks {
  const answered = (callback: Callback, answer: CallbackAnswer): CallbackAnswer => {
    context.figures.addCallback(callback.state, answer);
    if (answer.status === "accepted_stale")
      context.logger.info("a callback fits nothing that goes on", { name: callback.name, state: callback.state, reason: answer.reason });
    return answer;
  };
  const { reads } = context.store;
  return {
    async ofJob(jobId, callback) {
      const view = await reads.get(jobId);
      if (view === null) return answered(callback, stale("unknown_job"));
      if (!isOutOfBand(view.record.executor)) return answered(callback, stale("not_a_container_step"));
      return answered(callback, await tell(context, view, callback));
    },
    async ofStep({ executionId, step, iteration }, callback) {
      const found = await stepOf(context, { executionId, step, iteration });
      if (typeof found === "string") return answered(callback, stale(found));
      if (!CONTAINERS.includes(found.record.executor)) return answered(callback, stale("not_a_container_step"));
      return answered(callback, await tell(context, found, callback));
    },
    undelivered(letter) {
      context.figures.callbacks.undelivered++;
      context.logger.error("the end of a container cannot be delivered: what was told of it is not understood here", letter);
    },
    turn({ name, holder, ttlMs }) {
      const now = context.now();
      return context.store.sessions.lead(`turn ${name}`, holder, now, now + ttlMs);
    },
  };
}

type Step = Parameters<Callbacks["ofStep"]>[0];

async function stepOf(context: EngineContext, { executionId, step, iteration }: Step): Promise<JobView | StaleReason> {
  const { reads } = context.store;
  const named = (await reads.child(executionId, step)) ?? (await closingStep(context, executionId, step));
  if (named === null) return (await reads.get(executionId)) === null ? "unknown_execution" : "unknown_step";
  const kind = context.kindOf(named.record.kind);
  const key = kind?.itemKey?.(named.record, iteration ?? 0) ?? null;
  if (key === null) return iteration === null ? named : "unknown_step";
  if (iteration === null)
    throw new WindlassError("invalid", `iteration is missing: the step "${step}" is a loop, and runs once for each item`, {
      faults: [{ path: "iteration", message: `iteration is missing; "${step}" is a loop: say which of its items, from 0` }],
    });
  return (await reads.child(named.record.id, key)) ?? "unknown_step";
}

/** A step of those that run at the end of an execution, which are below a job of their own. */
async function closingStep({ store: { reads } }: EngineContext, executionId: string, step: string): Promise<JobView | null> {
  const closing = await reads.child(executionId, CLOSING_KEY);
  return closing === null ? null : reads.child(closing.record.id, step);
}

async function tell(context: EngineContext, view: JobView, callback: Callback): Promise<CallbackAnswer> {
  const { reads } = context.store;
  const { id } = view.record;
  const masking = await maskOfAttempt(context, id);
  let seen: JobView | null = view;
  for (let tries = 1; seen !== null && tries <= TRIES_MAX; tries++) {
    const judged = judge(seen, await attemptsFor(context, seen, callback), callback);
    if (judged.answer !== null) return judged.answer;
    const result = await commit(context, seen, { attempt: judged.attempt, callback, masking });
    if (result.ok) return accepted(id, await attemptOf(context, id, judged.attempt), callback);
    seen = await reads.get(id);
  }
  if (seen === null) return stale("unknown_job");
  throw new WindlassError("unavailable", `${id} changes too quickly; tell it again`);
}

async function commit(
  context: EngineContext,
  { record: { id }, live }: JobView,
  { attempt, callback: told, masking }: { readonly attempt: number; readonly callback: Callback; readonly masking: AttemptMask },
): Promise<ChangeResult> {
  const { rule, incomplete } = masking;
  const callback = incomplete === null || goesOn(told.state) ? told : withheld(told, incomplete);
  const mask = maskOf(rule);
  const { state, name, ref, reason } = callback;
  const message = callback.message === null ? null : mask.text(callback.message);
  const evidence = masked(callback.evidence, mask);
  const by = { type: "executor", name, ref } as const;
  if (goesOn(state)) {
    const observed = { ...evidence, state, reason: reasonOfWord(reason), message };
    return only(await context.commit([{ type: "observe", id, attempt, by, observed }]));
  }
  const result = resultOf({ ...callback, message, evidence, output: outputOf(callback, rule.secrets) }, state);
  const stopped = state === "cancelled" && live?.state === "stopping";
  const change = settleByFact(context, { jobId: id, attempt, name, ref, result, stopped, told: state });
  const settled = only(await context.commit([change]));
  if (settled.ok && live !== null) context.bus.publish("ended", `${live.place ?? ""} ${id} ${name}`);
  return settled;
}

function goesOn(state: Callback["state"]): state is "pending" | "running" {
  return state === "pending" || state === "running";
}

/** Of another step the output is needed as it is, but for the secrets that its attempt was given. */
function outputOf({ output }: Callback, secrets: MaskRule["secrets"]): Json | undefined {
  return output === undefined || secrets.length === 0 ? output : maskedJson(output, maskOf({ secrets, patterns: [] }));
}

/** An output that is too large fails what had succeeded; what ended otherwise is told so all the same. */
function resultOf({ exitCode, reason, message, output, evidence }: Callback, state: Outcome): Result {
  const told = { ...evidence, ...(reason === null ? {} : { reason }) };
  const length = output === undefined ? 0 : JSON.stringify(output).length;
  if (length > OUTPUT_LENGTH_MAX) {
    if (state !== "succeeded") return resultOf({ exitCode, reason, message, evidence } as Callback, state);
    return { ...outputTooLarge(length), ...(exitCode === null ? {} : { exitCode }), evidence: told };
  }
  return {
    outcome: state,
    reason: reasonOfEnd(state, { word: reason, exitCode }),
    message: message ?? (exitCode === null || exitCode === 0 ? null : `it ended with exit code ${exitCode}`),
    ...(exitCode === null ? {} : { exitCode }),
    ...(output === undefined ? {} : { output }),
    evidence: told,
  };
}

type Judged = { readonly answer: CallbackAnswer } | { readonly answer: null; readonly attempt: number };

/** What a callback is about, by what is stored. `attempts` is empty as long as it is about the one that is alive. */
function judge({ live, final }: JobView, attempts: readonly Attempt[], callback: Callback): Judged {
  const number = callback.attempt ?? live?.attempt ?? final?.attempts ?? 0;
  if (isCurrent(live, number)) {
    if (live.externalName !== callback.name) return { answer: stale("name_mismatch") };
    if (live.externalRef !== null && callback.ref !== null && live.externalRef !== callback.ref) return { answer: stale("uid_mismatch") };
    const repeated = isRepeated(live, callback) ? (live.observed?.event ?? null) : null;
    return repeated === null || hasNews(live, callback)
      ? { answer: null, attempt: number }
      : { answer: { status: "accepted_duplicate", eventId: eventIdOf(live.id, repeated) } };
  }
  const settled = attempts.find((attempt) => attempt.number === number);
  if (settled !== undefined && settled.externalName !== callback.name) return { answer: stale("name_mismatch") };
  if (settled?.externalRef !== null && callback.ref !== null && settled !== undefined && settled.externalRef !== callback.ref)
    return { answer: stale("uid_mismatch") };
  const event = settled?.evidence?.["toldEvent"];
  if (typeof event === "number" && settled?.evidence?.["toldState"] === callback.state)
    return { answer: { status: "accepted_duplicate", eventId: eventIdOf(settled.jobId, event) } };
  return { answer: stale(final === null ? "other_attempt" : "already_finished") };
}

type Live = NonNullable<JobView["live"]>;

function isCurrent(live: Live | null, number: number): live is Live {
  return live !== null && live.attempt === number && (live.state === "running" || live.state === "stopping");
}

function isRepeated({ observed }: Live, { state, reason }: Callback): boolean {
  return observed !== null && observed.state === state && observed.reason === reasonOfWord(reason);
}

/** Details may change while state and reason stay. */
function hasNews({ observed }: Live, { message, evidence }: Callback): boolean {
  return (
    observed?.message !== message ||
    Object.entries(evidence).some(([key, value]) => JSON.stringify(observed?.[key]) !== JSON.stringify(value))
  );
}

async function attemptsFor({ store }: EngineContext, { record, live }: JobView, { attempt }: Callback): Promise<readonly Attempt[]> {
  return isCurrent(live, attempt ?? live?.attempt ?? 0) ? [] : store.reads.attempts(record.id);
}

async function attemptOf({ store }: EngineContext, id: string, number: number): Promise<Attempt | undefined> {
  return (await store.reads.attempts(id)).find((attempt) => attempt.number === number);
}

function accepted(id: string, attempt: Attempt | undefined, { state }: Callback): CallbackAnswer {
  const observed = attempt?.evidence?.["observed"] as { readonly event?: Json } | undefined;
  const event = goesOn(state) ? observed?.event : attempt?.evidence?.["toldEvent"];
  return { status: "accepted_in_flight", eventId: eventIdOf(id, typeof event === "number" ? event : 0) };
}

/** The number of an event of a job, as `jobs events` shows it. */
function eventIdOf(jobId: string, seq: number): string {
  return `${jobId}/${seq}`;
}

function stale(reason: StaleReason): CallbackAnswer {
  return { status: "accepted_stale", reason };
}

/** Every text in it, at any depth. */
function masked<T extends Json>(value: T, mask: Mask): T {
  if (typeof value === "string") return mask.text(value) as T;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => masked(item as Json, mask)) as unknown as T;
  return Object.fromEntries(Object.entries(value as JsonObject).map(([key, item]) => [key, masked(item, mask)])) as T;
}

function only(results: readonly ChangeResult[]): ChangeResult {
  const [result] = results;
  if (result === undefined) throw new WindlassError("internal", "a change without a result");
  return result;
}
