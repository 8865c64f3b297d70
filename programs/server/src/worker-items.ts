/**
 * What workers tell about their jobs, on its way to the store: ends, progress, completion tokens, log lines.
 *
 * I1. Each item is answered once the store has taken or refused it; what it could not be asked about is not answered, and
 *     comes again over the worker's next connection.
 * I2. An end is stored behind the log lines that came before it.
 * I3. A worker changes only attempts that a session of its own token holds. What it does not hold by this connection is looked
 *     up first: it may belong to an earlier session. The fencing token is no secret and can be guessed, so it alone opens nothing;
 *     the attempt that was looked up is the one that is changed, for the next holder has another token.
 * I4. Log lines that come again after a cut connection are not stored twice, as long as the server lived on.
 * I5. What must not be stored is masked here: a worker is not told what that is.
 * I6. Of an attempt one end, one completion token and one progress are on their way to the store at a time, however many come: nothing
 *     counts them but the memory. Of progress that comes meanwhile the last is stored next, and stands for all; what else comes twice is refused.
 */
import type { WorkerItem } from "@windlass/contract";
import { maskedResult, maskOfId, type EngineContext, type Settling } from "@windlass/engine";
import {
  changeOfEnd,
  messageOf,
  OUTPUT_LENGTH_MAX,
  outputTooLarge,
  type Change,
  type ChangeResult,
  type HandlerEnd,
  type JobView,
  type Json,
  type Mask,
  type Progress,
  type Result,
} from "@windlass/kernel";
import type { LogChunk } from "@windlass/ports";
import { isDeeperThan } from "./read-json.ts";
import { maskOfStep, type StepMask } from "./runner-steps.ts";
import type { FramesOut } from "./worker-frames-out.ts";
import type { HeldJob, WorkerJobs } from "./worker-jobs.ts";

export interface WorkerItems {
  /** `frameLength` bounds the size of everything in it, so that only large frames cost a look at each output. */
  take(items: readonly WorkerItem[], frameLength: number): void;
}

export interface ItemParts {
  readonly context: EngineContext;
  readonly results: Settling;
  readonly jobs: WorkerJobs;
  readonly out: FramesOut;
  /** The workspace whose jobs this worker may change. */
  readonly workspace: string;
  /** Id of its token. */
  readonly owner: string;
  /** Whether it is the runner of an execution: then nothing of the secrets that it was given may come back. */
  readonly isRunner: boolean;
  /** The number of the last item with log lines that was taken under this session; outlives a connection. */
  readonly logged: { upTo: number };
  /** Called when a job has ended: there may be room for another. */
  readonly freed: () => void;
  /** Called when the end of an attempt was stored. */
  readonly ended: () => void;
  /** The store could not be asked: the connection is to end, so that the worker sends everything again. */
  readonly failed: () => void;
}

/** Deeper values make those who walk through them run out of stack. */
const DEPTH_MAX = 64;
/** Ends that are looked up together. */
const FOREIGN_MAX = 500;
/** What is observed of an end is kept up to this length. */
const EVIDENCE_LENGTH_MAX = 65_536;
/** Of 15 digits. */
const LOG_TIME_MAX = 999_999_999_999_999;
const UNDER_WAY = { code: "conflict", why: "another one of its attempt is being stored" } as const;
const STALE = { code: "token_stale", why: "the attempt has ended or was handed on" } as const;

export function workerItems(parts: ItemParts): WorkerItems {
  const { jobs, out } = parts;
  const lookUp = foreignEnds(parts);
  return {
    take(items, frameLength) {
      const foreign: WorkerItem[] = [];
      for (const item of items) {
        if (jobs.held.get(item.id)?.token !== item.token) foreign.push(item);
        else if (item.what === "log") storeLines(parts, item);
        else storeChange(parts, item, frameLength);
      }
      for (const item of foreign) {
        if (item.what === "end") lookUp({ item, frameLength });
        else out.refused(item.n, STALE);
      }
    },
  };
}

type Of<What extends WorkerItem["what"]> = Extract<WorkerItem, { what: What }>;

function storeLines(parts: ItemParts, item: Of<"log">): void {
  const { context, jobs, out, logged } = parts;
  const job = jobs.held.get(item.id);
  if (job === undefined || item.n <= logged.upTo) return out.stored(item.n);
  logged.upTo = item.n;
  const key = { jobId: item.id, attempt: job.attempt };
  const writing: Promise<void> = (job.logging ?? Promise.resolve())
    .then(() => maskFor(parts, item.id, job))
    .then((mask) => context.logs.append(key, chunksOf(item, mask)))
    // A log that cannot be written is reported, and does not fail the job.
    .catch((error: unknown) => context.logger.error("a log could not be written", { ...key, error: messageOf(error) }))
    .then(() => {
      if (job.logging === writing) job.logging = null;
      out.stored(item.n);
    });
  job.logging = writing;
}

/** Whole lines: nothing of a secret is left for the next item, and the lines of a longer one are secrets themselves. */
function chunksOf({ lines }: Of<"log">, mask: Mask): LogChunk[] {
  return lines.map(([at, line]) => ({ stream: "stdout", at: storableTime(at), data: Buffer.from(`${mask.text(line)}\n`) }));
}

/** What a log can keep (log-format.ts): clocks of other makes have parts of a millisecond, or are far off. */
function storableTime(at: number): number {
  return Math.round(Math.min(LOG_TIME_MAX, Math.max(0, at)));
}

function storeChange(parts: ItemParts, item: Exclude<WorkerItem, { what: "log" }>, frameLength: number): void {
  const { jobs, out } = parts;
  const job = jobs.held.get(item.id);
  if (job === undefined) return out.refused(item.n, STALE);
  switch (item.what) {
    case "progress":
      return storeProgress(parts, item, job);
    case "expect":
      if (job.isExpecting) return out.refused(item.n, UNDER_WAY);
      job.isExpecting = true;
      return void parts.results.settle(changeOf(parts, item, frameLength)).then((result) => {
        job.isExpecting = false;
        answer(parts, item, result);
      });
    case "end":
      if (job.isEnding) return out.refused(item.n, UNDER_WAY);
      return storeEnd(parts, item, { job, frameLength });
  }
}

function storeEnd(parts: ItemParts, item: Of<"end">, { job, frameLength }: { readonly job: HeldJob; readonly frameLength: number }): void {
  const { jobs } = parts;
  const change = changeOf(parts, item, frameLength);
  job.isEnding = true;
  const settle = (): void => {
    // Before the end, without waiting for what is being stored.
    if (job.progress !== null) void storeNextProgress(parts, job);
    void settled(parts, change, job).then((result) => {
      if (result !== undefined && jobs.held.get(item.id) === job) {
        jobs.held.delete(item.id);
        parts.freed();
      }
      answer(parts, item, result);
    });
  };
  if (job.logging !== null) void job.logging.then(settle);
  else settle();
}

/** Keeps I6. */
function storeProgress(parts: ItemParts, item: Of<"progress">, job: HeldJob): void {
  const numbers = job.progress?.numbers ?? [];
  numbers.push(item.n);
  job.progress = { item, numbers };
  if (!job.isProgressing) void storeNextProgress(parts, job);
}

async function storeNextProgress(parts: ItemParts, job: HeldJob): Promise<void> {
  job.isProgressing = true;
  while (job.progress !== null) {
    const { item, numbers } = job.progress;
    job.progress = null;
    const result = await parts.results.settle(changeOf(parts, item, 0));
    for (const n of numbers) answer(parts, { ...item, n }, result);
  }
  job.isProgressing = false;
}

/** Without masks nothing is waited for. Undefined when it could not be stored, and so comes again. */
async function settled(parts: ItemParts, change: Change, job: HeldJob | undefined): Promise<ChangeResult | undefined> {
  const { context, results, failed } = parts;
  if ((context.masks === undefined && !parts.isRunner) || change.type !== "settle") return results.settle(change);
  try {
    if (parts.isRunner) {
      const step = await stepMaskFor(context, change.id, job);
      return await results.settle({ ...change, result: step.result(change.result) });
    }
    const mask = await maskFor(parts, change.id, job);
    return await results.settle({ ...change, result: maskedResult(change.result, mask) });
  } catch (error) {
    context.logger.warn("a result of a worker could not be masked; it sends it again", { job: change.id, error: messageOf(error) });
    failed();
    return undefined;
  }
}

async function stepMaskFor(context: EngineContext, id: string, job: HeldJob | undefined): Promise<StepMask> {
  const mask = job?.stepMask ?? (await maskOfStep(context, id));
  if (job !== undefined) job.stepMask = mask;
  return mask;
}

async function maskFor({ context, isRunner }: ItemParts, id: string, job: HeldJob | undefined): Promise<Mask> {
  if (isRunner) return (await stepMaskFor(context, id, job)).mask;
  const mask = job?.mask ?? (await maskOfId(context, id));
  if (job !== undefined) job.mask = mask;
  return mask;
}

interface ForeignEnd {
  readonly item: Of<"end">;
  readonly frameLength: number;
}

/** Takes ends of what the connection does not hold. One look at the store at a time (K8 of worker-connection.ts). */
function foreignEnds(parts: ItemParts): (end: ForeignEnd) => void {
  const waiting: ForeignEnd[] = [];
  let isLooking = false;
  const look = async (): Promise<void> => {
    isLooking = true;
    // What comes in the same turn is looked up together.
    await Promise.resolve();
    // What could not be looked up comes again, with all that is behind it.
    while (waiting.length > 0) if (!(await storeForeign(parts, waiting.splice(0, FOREIGN_MAX)))) waiting.splice(0);
    isLooking = false;
  };
  return (end) => {
    waiting.push(end);
    if (!isLooking) void look();
  };
}

/** False: the store could not be asked. */
async function storeForeign(parts: ItemParts, ends: readonly ForeignEnd[]): Promise<boolean> {
  try {
    const views = await viewsOf(parts, new Set(ends.map(({ item }) => item.id)));
    const sessions = (await parts.context.store.sessions.list()).filter(({ owner }) => owner === parts.owner);
    const own = new Set(sessions.map(({ id }) => id));
    for (const { item, frameLength } of ends) {
      if (isOwn(item, views.get(item.id), own))
        void settled(parts, changeOf(parts, item, frameLength), undefined).then((result) => answer(parts, item, result));
      else parts.out.refused(item.n, STALE);
    }
    return true;
  } catch (error) {
    parts.context.logger.warn("results of a worker could not be looked up; it sends them again", { error: messageOf(error) });
    parts.failed();
    return false;
  }
}

/** Of the jobs of its workspace that are for handlers. */
async function viewsOf({ context, workspace }: ItemParts, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, JobView>> {
  const records = await context.store.jobs.records([...ids]);
  const named = records.filter((record) => record.workspace === workspace && record.executor === "handler");
  const views = await Promise.all(named.map(({ id }) => context.store.reads.get(id)));
  return new Map(views.flatMap((view) => (view === null ? [] : [[view.record.id, view] as const])));
}

/** Of a job that has ended the store says so itself. `sessions`: those that were opened with its token. */
function isOwn({ token }: WorkerItem, view: JobView | undefined, sessions: ReadonlySet<string>): boolean {
  if (view === undefined) return false;
  const { live } = view;
  return live === null || (live.token === token && live.session !== null && sessions.has(live.session));
}

function answer({ out, ended }: ItemParts, { n, what }: WorkerItem, result: ChangeResult | undefined): void {
  if (result === undefined) return;
  if (result.ok && what === "end") ended();
  if (result.ok) out.stored(n);
  else out.refused(n, result.refusal);
}

function changeOf({ context }: ItemParts, item: Exclude<WorkerItem, { what: "log" }>, frameLength: number): Change {
  const { id, token } = item;
  switch (item.what) {
    case "end":
      return changeOfEnd(storable(item.end as HandlerEnd, frameLength), item, { now: context.now(), random: () => context.random.next() });
    case "progress":
      return { type: "progress", id, token, progress: { fraction: item.fraction, text: item.text } satisfies Progress };
    case "expect":
      return { type: "expect", id, token, tokenHash: item.tokenHash };
  }
}

/** An end that every store can keep, whatever a worker of another make may send. */
function storable(end: HandlerEnd, frameLength: number): HandlerEnd {
  if (end.type !== "settle") return end;
  const result = bounded(end.result, frameLength);
  return result === end.result ? end : { ...end, result };
}

function bounded(result: Result, frameLength: number): Result {
  const { output, evidence } = result;
  if (output !== null && typeof output === "object" && isDeeperThan(output, DEPTH_MAX))
    return { outcome: "failed", reason: "output_invalid", message: `the output is nested more than ${DEPTH_MAX} deep` };
  if (frameLength > OUTPUT_LENGTH_MAX && output !== undefined) {
    const length = lengthOf(output);
    if (length > OUTPUT_LENGTH_MAX) return outputTooLarge(length);
  }
  if (evidence === undefined) return result;
  return isDeeperThan(evidence, DEPTH_MAX) || (frameLength > EVIDENCE_LENGTH_MAX && lengthOf(evidence) > EVIDENCE_LENGTH_MAX)
    ? { ...result, evidence: {} }
    : result;
}

function lengthOf(value: Json): number {
  return JSON.stringify(value).length;
}
