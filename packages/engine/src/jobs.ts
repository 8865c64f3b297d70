/** What callers may do with jobs: submit, read, cancel, retry, complete, resume, delete. Thin: rules are in the kernel. */
import {
  WindlassError,
  isId,
  isTerminal,
  viewOfNew,
  type ChangeResult,
  type JobRecord,
  type JobView,
  type Json,
  type Refusal,
  type Result,
} from "@windlass/kernel";
import { withPinnedImages } from "./admit-image.ts";
import { decideApproval, type Approval } from "./approvals.ts";
import { tracedSubmit } from "./attempt-trace.ts";
import type { EngineContext } from "./context.ts";
import { submitOf } from "./disabled-definitions.ts";
import type { Feed } from "./feed.ts";
import { asksForSecrets, demandSecrets } from "./given-secrets.ts";
import { jobNotFound } from "./jobs-within.ts";
import { sendSignal, type SignalRequest } from "./signals.ts";
import { stopOf } from "./stop.ts";
import { preparedRecords } from "./prepared-records.ts";
import { recordOf, type SubmitRequest } from "./submit.ts";

export interface Submitted {
  readonly id: string;
  /** False when an earlier request under the same idempotency key made it. */
  readonly created: boolean;
  /** As it was submitted, when this request made it, and of a single submit also as it stands when it was there: it need not be read. */
  readonly view?: JobView;
}

export type Meanwhile = (expected: JobView) => void;

export interface Jobs {
  /**
   * Durable when it resolves. Throws `invalid`, `workflow_disabled`, `idempotency_mismatch`, `parent_closed`. `meanwhile` is called when the
   * store was asked, with the job as it will be if this request makes it: what is to be done with it can be prepared.
   */
  submit(request: SubmitRequest, meanwhile?: Meanwhile): Promise<Submitted>;
  /** Each on its own merits: the answer of a refused one is the error. */
  submitMany(requests: readonly SubmitRequest[]): Promise<readonly (Submitted | WindlassError)[]>;
  get(id: string): Promise<JobView>;
  /** Asks for the end of a job. Fine to repeat; throws `job_finished` once it has ended. */
  cancel(id: string, request: { readonly by: string; readonly message?: string | null; readonly graceMs?: number }): Promise<void>;
  /** Runs a root that has ended again, as a new job. Returns the new job's id. */
  retry(id: string, by: string): Promise<string>;
  /** Ends a parked job with the token that it gave out. */
  complete(token: string, result: { readonly output: Json } | { readonly failed: string }): Promise<string>;
  resume(id: string): Promise<void>;
  /** Tells it to a job that decides; kept until something waits for it. Throws `invalid`, `too_large`, `conflict`, `job_finished`. */
  signal(id: string, signal: SignalRequest): Promise<void>;
  /** Approves or rejects what this job, or the only one below it, waits for. Returns the id of that one. */
  decide(id: string, approval: Approval): Promise<string>;
  /** Removes a tree of jobs that has ended, with its logs. Returns how many jobs went. */
  remove(id: string): Promise<number>;
  /** Resolves when the job has ended; throws `timed_out`. */
  wait(id: string, timeoutMs?: number): Promise<JobView>;
}

export function jobs(context: EngineContext, feed: Feed): Jobs {
  const get = async (id: string): Promise<JobView> => {
    const view = await context.store.reads.get(id);
    if (view === null) throw jobNotFound(id);
    return view;
  };
  return {
    get,
    async submit(request, meanwhile) {
      if (context.tracing === null) return submitOne(context, request, meanwhile);
      return tracedSubmit(context, [request], ([asked = request]) => submitOne(context, asked, meanwhile));
    },
    async submitMany(requests) {
      return tracedSubmit(context, requests, (asked) => submitMany(context, asked));
    },
    async cancel(id, { by, message, graceMs }) {
      const change = stopOf(id, {
        reason: "cancel_requested",
        message: message ?? `cancelled by ${by}`,
        by,
        ...(graceMs === undefined ? {} : { graceMs }),
      });
      accepted(only(await context.commit([change])));
    },
    async retry(id, by) {
      const view = await get(id);
      const { record } = view;
      if (record.parentId !== null)
        throw new WindlassError("conflict", `${id} is part of ${record.rootId}; retry that one: windlass jobs retry ${record.rootId}`);
      if (!isTerminal(view.state))
        throw new WindlassError("job_not_finished", `${id} is ${view.state}; cancel it first, or wait for its end`);
      const fresh: JobRecord = again(context, record, by);
      await demandSecrets(context, fresh);
      return submittedOf(only(await context.commit([submitOf(context, fresh)]))).id;
    },
    async complete(token, end) {
      const { id, attempt } = attemptOf(token);
      const result: Result =
        "output" in end
          ? { outcome: "succeeded", reason: "ok", message: null, output: end.output }
          : { outcome: "failed", reason: "error", message: end.failed };
      const by = { type: "completion", tokenHash: context.sha256(token) } as const;
      accepted(only(await context.commit([{ type: "settle", id, attempt, by, result, stopped: false, random: context.random.next() }])));
      return id;
    },
    async resume(id) {
      accepted(only(await context.commit([{ type: "resume", id }])));
    },
    signal: async (id, signal) => sendSignal(context, await get(id), signal),
    decide: async (id, approval) => decideApproval(context, await get(id), approval),
    async remove(id) {
      const view = await get(id);
      if (view.record.parentId !== null) throw new WindlassError("conflict", `${id} is part of ${view.record.rootId}; delete that one`);
      if (!isTerminal(view.state)) throw new WindlassError("job_not_finished", `${id} is ${view.state}; cancel it first`);
      const removed = await context.store.retention.remove([id]);
      await context.logs.remove(removed);
      return removed.length;
    },
    wait: (id, timeoutMs) => waitForEnd({ context, feed, get }, id, timeoutMs),
  };
}

async function submitOne(context: EngineContext, request: SubmitRequest, meanwhile?: Meanwhile): Promise<Submitted> {
  const asked = recordOf(context, request);
  const record = context.images === undefined ? asked : await withPinnedImages(context, asked);
  if (asksForSecrets(context, record)) await demandSecrets(context, record);
  const committing = context.commit([submitOf(context, record)]);
  meanwhile?.(viewOfNew(record, context.now()));
  const submitted = shown(context, record, only(await committing));
  if (submitted.created) return submitted;
  const view = await context.store.reads.get(submitted.id);
  // It was deleted since it was found, and its key with it: who asks now makes it anew.
  return view === null ? submitOne(context, request) : { ...submitted, view };
}

function shown(context: EngineContext, record: JobRecord, result: ChangeResult | undefined): Submitted {
  const submitted = submittedOf(result);
  return submitted.created ? new Made(record, context.now()) : submitted;
}

/** The view is made for who reads it: of a batch mostly nobody does. */
class Made implements Submitted {
  readonly id: string;
  readonly created = true;
  readonly #record: JobRecord;
  readonly #at: number;

  constructor(record: JobRecord, at: number) {
    this.id = record.id;
    [this.#record, this.#at] = [record, at];
  }

  get view(): JobView {
    return viewOfNew(this.#record, this.#at);
  }
}

async function submitMany(context: EngineContext, requests: readonly SubmitRequest[]): Promise<readonly (Submitted | WindlassError)[]> {
  const records = (await preparedRecords(context, requests)).map((one) => {
    if (one instanceof WindlassError || !(one instanceof Error)) return one;
    throw one;
  });
  const accepted = records.filter((record): record is JobRecord => !(record instanceof WindlassError));
  const results = await context.commit(accepted.map((job) => submitOf(context, job)));
  const rest = results.values();
  return records.map((record) => (record instanceof WindlassError ? record : attempted(() => shown(context, record, rest.next().value))));
}

interface Waiting {
  readonly context: EngineContext;
  readonly feed: Feed;
  readonly get: (id: string) => Promise<JobView>;
}

async function waitForEnd({ context, feed, get }: Waiting, id: string, timeoutMs?: number): Promise<JobView> {
  const subscription = await feed.subscribe((event) => event.jobId === id && event.type === "job.finished");
  const cancel = timeoutMs === undefined ? () => {} : context.clock.after(timeoutMs, () => subscription.end());
  try {
    const now = await get(id);
    if (isTerminal(now.state)) return now;
    for await (const item of subscription) {
      const view = await get(id);
      if (item.type === "event" || isTerminal(view.state)) return view;
    }
    throw new WindlassError("timed_out", `${id} had not ended after ${(timeoutMs ?? 0) / 1000} s`);
  } finally {
    cancel();
    subscription.end();
  }
}

/** A job like this one, to be run because somebody asked for it again. */
export function again(context: EngineContext, record: JobRecord, by: string): JobRecord {
  const id = context.newId("job");
  return {
    ...record,
    id,
    rootId: id,
    idempotencyKey: null,
    requestHash: null,
    notBefore: null,
    startDeadline: null,
    cause: { type: "retry", of: record.id, by },
    createdAt: context.now(),
  };
}

function only(results: readonly ChangeResult[]): ChangeResult | undefined {
  return results[0];
}

/** Of which a completion token is. Throws `not_found`, without what was given: it may be a secret of something else. */
function attemptOf(token: string): { readonly id: string; readonly attempt: number } {
  const [id = "", attempt = ""] = token.split(".");
  if (!isId("job", id)) throw new WindlassError("not_found", "that is no completion token: a parked job has one that begins with its id");
  return { id, attempt: Number(attempt) };
}

/** Throws what a refusal means to a caller. */
function accepted(result: ChangeResult | undefined): asserts result is Extract<ChangeResult, { readonly ok: true }> {
  if (result === undefined) throw new WindlassError("internal", "the store did not answer a change");
  if (!result.ok) throw errorOf(result.refusal, result.id);
}

/** Of a refused one the id was never stored, and would only mislead. */
function submittedOf(result: ChangeResult | undefined): Submitted {
  if (result !== undefined && !result.ok) {
    const { code, why, details = {} } = result.refusal;
    throw new WindlassError(code, why, { details });
  }
  accepted(result);
  return { id: result.id, created: result.created ?? true };
}

function errorOf({ code, why }: Refusal, id: string): WindlassError {
  return new WindlassError(code, `${id}: ${why}`);
}

function attempted<T>(work: () => T): T | WindlassError {
  try {
    return work();
  } catch (error) {
    if (error instanceof WindlassError) return error;
    throw error;
  }
}
