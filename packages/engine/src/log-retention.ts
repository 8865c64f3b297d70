/**
 * Keeps the logs of this host within their limits. Each server looks after its own logs, whoever leads.
 *
 * G1. Nothing of a job that is alive is removed.
 * G2. What ended first goes first. A log that was removed early says so (`log_removed`).
 * G3. Logs of jobs that are gone go too: who removed the job may be another host, or have died in between.
 */
import { days, minutes, type Duration } from "@windlass/kernel";
import type { LogUsage } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { loop, type Loop } from "./service.ts";
import { JUMP_TRUST_MS, steadyTime } from "./steady-time.ts";

export interface LogLimits {
  /** After the end of the job; 0 for as long as the job. */
  readonly retentionDays: number;
  /** Of all logs of this host; 0 for no limit. */
  readonly totalBytesMax: number;
}

/** Looking at all logs costs much on a large disk. */
const REST_MS: Duration = minutes(10);
/** Jobs that are asked about at once, and the most that are ordered by their end at once. */
const PAGE = 500;
/** A log without a job may belong to a store that is about to come (a restore); it is left for so long. */
const ORPHAN_AGE_MS: Duration = days(1);

interface Candidate extends LogUsage {
  readonly jobId: string;
}

export function logRetention(context: EngineContext, limits: LogLimits): Loop {
  const time = steadyTime(context.clock, () => context.now(), JUMP_TRUST_MS);
  return loop({
    name: "log retention",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    pass: async () => {
      const removed = await keepLimits(context, limits, time());
      if (removed.early + removed.orphans > 0) context.logger.info("logs were removed", { ...removed });
      return false;
    },
  });
}

/** One look at all logs. */
export async function keepLimits(
  context: EngineContext,
  limits: LogLimits,
  now = context.now(),
): Promise<{ early: number; orphans: number }> {
  const removed = { early: 0, orphans: 0 };
  const isLimited = limits.retentionDays > 0 || limits.totalBytesMax > 0;
  const candidates: Candidate[] = [];
  let total = 0;
  for await (const page of pagesOf(context.logs.jobIds())) {
    const known = new Set((await context.store.jobs.records(page)).map((record) => record.id));
    for (const jobId of page) {
      if (known.has(jobId) && !isLimited) continue;
      const usage = await context.logs.usage(jobId);
      total += usage.bytes;
      if (!known.has(jobId)) removed.orphans += await removeOrphan(context, jobId, usage);
      else if (usage.bytes > 0) candidates.push({ ...usage, jobId });
    }
  }
  const isOld = (at: number): boolean => limits.retentionDays > 0 && at < now - days(limits.retentionDays);
  const isTooMuch = (): boolean => limits.totalBytesMax > 0 && total > limits.totalBytesMax;
  // A job ends after its last line: of what was written lately nobody needs to be asked.
  const mayGo = ({ changedAt, removed: isMarked }: Candidate): boolean => isMarked || isOld(changedAt) || isTooMuch();
  for await (const { candidate, finishedAt } of endedFirst(context, candidates, mayGo)) {
    if (!isOld(finishedAt) && !isTooMuch() && !candidate.removed) continue;
    await context.logs.expire(candidate.jobId, now);
    total -= candidate.bytes;
    removed.early++;
  }
  return removed;
}

async function removeOrphan(context: EngineContext, jobId: string, { changedAt }: LogUsage): Promise<number> {
  if (context.clock.now() - changedAt < ORPHAN_AGE_MS) return 0;
  await context.logs.remove([jobId]);
  return 1;
}

/** Those that may go and have ended, in the order of their ends, as far as one page goes; pages are in the order of the last writing. */
async function* endedFirst(context: EngineContext, candidates: readonly Candidate[], mayGo: (candidate: Candidate) => boolean) {
  const byChange = candidates.toSorted((a, b) => a.changedAt - b.changedAt);
  for (let first = 0; first < byChange.length; first += PAGE) {
    const page: { readonly candidate: Candidate; readonly finishedAt: number }[] = [];
    for (const candidate of byChange.slice(first, first + PAGE)) {
      if (!mayGo(candidate)) continue;
      const finishedAt = (await context.store.reads.get(candidate.jobId))?.final?.finishedAt;
      if (finishedAt !== undefined && finishedAt !== null) page.push({ candidate, finishedAt });
    }
    yield* page.toSorted((a, b) => a.finishedAt - b.finishedAt);
  }
}

async function* pagesOf(ids: AsyncIterable<string>): AsyncGenerator<string[]> {
  let page: string[] = [];
  for await (const id of ids) {
    page.push(id);
    if (page.length < PAGE) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}
