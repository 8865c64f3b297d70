/**
 * Holds what users were told and what was done against what is stored. Pure.
 *
 * H1. What was acknowledged exists; requests under one key made one job.
 * H2. Every job has ended.
 * H3. Each attempt begins and does its work at most once, and is counted: no effect without an attempt.
 * H4. Attempts are numbered without gaps, all have ended, and only the last can have succeeded; the job says the same.
 * H5. An attempt that is recorded as having ended by itself (succeeded, or failed as it was told to) did its work once.
 * H6. Events of a job are numbered without gaps, from its submission to its one end.
 * H7. The feed has every event once, those of a job in their order.
 * H8. In the feed a child is submitted and ends before its parent ends.
 * H9. No process of a job is left.
 * H10. Of the attempts that share a key, no more run at once than its limit: at each start line, those with a start line
 *      before and an end line behind it. Not counted are attempts recorded as lost with their worker or host: those are
 *      fenced (what they answer is refused), but nobody can stop them before they notice.
 * H11. Who listens from the beginning hears every event once, in the order of the feed.
 * H12. What nobody asked to end succeeded, or ended as its workload meant it to: the retries outlast the strikes.
 *
 * H16. What a worker that never comes back had begun is taken from it within the time of its session and of the next look,
 *      and has not succeeded by it; a round in which it had begun nothing shows nothing.
 *
 * H13 to H15, on executions, are in check-executions.ts.
 */
import type { Attempt, JobEvent, JobRecord, JobView } from "@windlass/kernel";
import { stepOrder, stepsMade, triedAsTold } from "./check-executions.ts";
import type { Effect } from "./effects.ts";
import type { History } from "./history.ts";

/** Its session (3 s), the lead of a reconciler that was killed (10 s), a look each second; the rest is for a slow machine. */
const TAKEN_WITHIN_MS = 25_000;

export interface Violation {
  readonly rule: string;
  readonly jobId: string | null;
  readonly what: string;
}

export function violationsOf(history: History): Violation[] {
  const rules: Readonly<Record<string, (history: History) => Iterable<readonly [jobId: string | null, what: string]>>> = {
    "H1 acknowledged": acknowledged,
    "H2 ended": ended,
    "H3 effects": effects,
    "H4 attempts": attempts,
    "H5 done": done,
    "H6 events": events,
    "H7 feed": feed,
    "H8 children": children,
    "H9 leftovers": leftovers,
    "H10 keys": keys,
    "H11 listener": listener,
    "H12 succeeded": succeeded,
    "H13 steps": stepsMade,
    "H14 order": stepOrder,
    "H15 tried": triedAsTold,
    "H16 left": taken,
  };
  return Object.entries(rules).flatMap(([rule, check]) => [...check(history)].map(([jobId, what]) => ({ rule, jobId, what })));
}

export type Findings = Generator<readonly [jobId: string | null, what: string]>;

function* acknowledged({ acknowledged: told, jobs }: History): Findings {
  const known = new Map(jobs.map(({ record }) => [record.id, record]));
  for (const { key, id } of told) {
    const record = known.get(id);
    if (record === undefined) yield [id, `it was acknowledged under the key ${key} and does not exist`];
    else if (record.idempotencyKey !== key) yield [id, `it was acknowledged under the key ${key} and has ${record.idempotencyKey}`];
  }
  const byKey = Map.groupBy(
    jobs.filter(({ record }) => record.idempotencyKey !== null),
    ({ record }) => record.idempotencyKey,
  );
  for (const [key, same] of byKey)
    if (same.length > 1) yield [same[1]?.record.id ?? null, `there are ${same.length} jobs under the key ${key}`];
}

function* ended({ jobs }: History): Findings {
  for (const { record, state, final } of jobs)
    if (final === null) yield [record.id, `${record.executor} job ${record.name} is still ${state}`];
}

function* effects({ jobs, effects: lines }: History): Findings {
  const known = new Map(jobs.map((job) => [job.record.id, job]));
  for (const [id, [first, ...more]] of Map.groupBy(lines, attemptId)) {
    if (first === undefined) continue;
    const what = [first, ...more].map((effect) => `${effect.what} by ${effect.pid}`).join(", ");
    const good =
      first.what === "start" && (more.length === 0 || (more.length === 1 && more[0]?.what === "end" && more[0].pid === first.pid));
    if (!good) yield [first.jobId, `attempt ${first.attempt} began or did its work more than once: ${what}`];
    const made = madeBy(known.get(first.jobId));
    if (made === null) yield [first.jobId, `${id} had an effect, and there is no such job`];
    else if (first.attempt > made) yield [first.jobId, `attempt ${first.attempt} had an effect, and ${made} were counted`];
  }
}

function* attempts({ jobs, attempts: all }: History): Findings {
  for (const { record, final } of jobs.filter(isCarriedOut)) {
    const list = all.get(record.id) ?? [];
    if (final === null) continue;
    if (list.some((attempt, i) => attempt.number !== i + 1) || list.length !== final.attempts)
      yield [record.id, `${final.attempts} attempts were counted; recorded are ${list.map((attempt) => attempt.number).join(", ")}`];
    for (const attempt of list) {
      if (attempt.outcome === null) yield [record.id, `attempt ${attempt.number} has not ended, the job has (${final.outcome})`];
      if (attempt.outcome === "succeeded" && attempt.number !== final.attempts)
        yield [record.id, `attempt ${attempt.number} succeeded, and attempt ${final.attempts} followed`];
    }
    if ((final.outcome === "succeeded") !== (list.at(-1)?.outcome === "succeeded"))
      yield [record.id, `it ended as ${final.outcome}, its last attempt as ${list.at(-1)?.outcome ?? "none"}`];
  }
}

function* done({ jobs, attempts: all, effects: lines }: History): Findings {
  const byAttempt = Map.groupBy(lines, attemptId);
  for (const { record } of jobs.filter(isCarriedOut)) {
    for (const attempt of all.get(record.id) ?? []) {
      if (!endedByItself(attempt)) continue;
      const ends = byAttempt.get(`${record.id}/${attempt.number}`)?.filter(({ what }) => what === "end").length ?? 0;
      if (ends !== 1)
        yield [
          record.id,
          `attempt ${attempt.number} is recorded as ${attempt.outcome} (${attempt.reason}), and did its work ${ends} times`,
        ];
    }
  }
}

function* events({ jobs, events: all }: History): Findings {
  for (const { record, final } of jobs) {
    const list = all.get(record.id) ?? [];
    if (list.some((event, i) => event.seq !== i + 1))
      yield [record.id, `its events are numbered ${list.map((event) => event.seq).join(", ")}`];
    if (list[0]?.type !== "job.submitted") yield [record.id, `its first event is ${list[0]?.type ?? "missing"}`];
    const ends = list.flatMap((event, i) => (event.type === "job.finished" ? [i] : []));
    if (final !== null && (ends.length !== 1 || ends[0] !== list.length - 1))
      yield [record.id, `it ended ${ends.length} times, or something followed its end: ${list.map((event) => event.type).join(", ")}`];
  }
}

function* feed({ events: all, feed: fed }: History): Findings {
  const byJob = Map.groupBy(fed, (event) => event.jobId);
  for (const [id, list] of all) {
    const numbers = (byJob.get(id) ?? []).map((event) => event.seq);
    if (numbers.join() !== list.map((event) => event.seq).join())
      yield [id, `it has ${list.length} events; the feed has those numbered ${numbers.join(", ")}`];
  }
}

function* children({ jobs, feed: fed }: History): Findings {
  const endOf = new Map(fed.flatMap((event, i) => (event.type === "job.finished" ? [[event.jobId, i] as const] : [])));
  const beginOf = new Map(fed.flatMap((event, i) => (event.type === "job.submitted" ? [[event.jobId, i] as const] : [])));
  for (const { record } of jobs) {
    const parentEnd = record.parentId === null ? undefined : endOf.get(record.parentId);
    if (parentEnd === undefined) continue;
    if ((beginOf.get(record.id) ?? Infinity) > parentEnd)
      yield [record.id, `it was submitted after its parent ${record.parentId} had ended`];
    if ((endOf.get(record.id) ?? Infinity) > parentEnd) yield [record.id, `it was alive when its parent ${record.parentId} ended`];
  }
}

function* leftovers({ leftovers: pids }: History): Findings {
  if (pids.length > 0) yield [null, `processes of jobs are left: ${pids.join(", ")}`];
}

function* keys({ jobs, attempts: all, effects: lines }: History): Findings {
  const known = new Map(jobs.map(({ record }) => [record.id, record]));
  const lost = new Set(
    [...all.values()]
      .flat()
      .filter(isFenced)
      .map((attempt) => `${attempt.jobId}/${attempt.number}`),
  );
  const endAt = new Map(lines.flatMap((effect, i) => (effect.what === "end" ? [[attemptId(effect), i] as const] : [])));
  const running = new Map<string, Effect[]>();
  for (const [i, effect] of lines.entries()) {
    const limited = concurrencyOf(known.get(effect.jobId));
    if (effect.what === "end" || limited === null || lost.has(attemptId(effect))) continue;
    const others = (running.get(limited.key) ?? []).filter((other) => (endAt.get(attemptId(other)) ?? -1) > i);
    running.set(limited.key, [...others, effect]);
    if (others.length >= limited.limit)
      yield [
        effect.jobId,
        `attempt ${effect.attempt} began under ${limited.key} (limit ${limited.limit}) while these ran: ${others.map(attemptId).join(", ")}`,
      ];
  }
}

function* listener({ feed: fed, heard }: History): Findings {
  const wrong = Array.from({ length: Math.max(fed.length, heard.length) }, (_, i) => i).find((i) => nameOf(fed[i]) !== nameOf(heard[i]));
  if (wrong !== undefined)
    yield [
      fed[wrong]?.jobId ?? null,
      `event ${wrong + 1} of ${fed.length} is ${nameOf(fed[wrong])}; heard was ${nameOf(heard[wrong])} (of ${heard.length})`,
    ];
}

function* succeeded({ jobs, events: all, meant }: History): Findings {
  const stopped = new Set(
    [...all].flatMap(([id, list]) =>
      list.some(({ type, data }) => type === "job.stopping" || (data as { readonly outcome?: string } | null)?.outcome === "cancelled")
        ? [id]
        : [],
    ),
  );
  for (const { record, final } of jobs) {
    if (final === null || final.outcome === (meant.get(record.name) ?? "succeeded") || stopped.has(record.rootId)) continue;
    yield [record.id, `it ended as ${final.outcome} (${final.reason}) after ${final.attempts} attempts: ${final.message ?? ""}`];
  }
}

function* taken({ attempts: all, left }: History): Findings {
  if (left === null) return;
  if (left.attempts.length === 0) yield [null, "the worker that left for good had begun nothing"];
  for (const { jobId, attempt: number } of left.attempts) {
    const found = all.get(jobId)?.find((attempt) => attempt.number === number);
    const tookMs = (found?.endedAt ?? Infinity) - left.at;
    if (tookMs > TAKEN_WITHIN_MS || found?.outcome === "succeeded")
      yield [jobId, `attempt ${number} of a worker that left ended ${tookMs} ms later, as ${found?.outcome ?? "nothing"}`];
  }
}

const nameOf = (event: Pick<JobEvent, "jobId" | "seq"> | undefined): string =>
  event === undefined ? "nothing" : `${event.jobId}/${event.seq}`;

const attemptId = ({ jobId, attempt }: Effect): string => `${jobId}/${attempt}`;

/** Decided jobs (executions, loops) have no effects of their own. */
const isCarriedOut = ({ record }: JobView): boolean => record.executor !== "none";

const concurrencyOf = (record: JobRecord | undefined): JobRecord["concurrency"] => record?.concurrency ?? null;

function madeBy(job: JobView | undefined): number | null {
  return job === undefined ? null : (job.final?.attempts ?? job.live?.attempt ?? 0);
}

function endedByItself({ outcome, reason }: Attempt): boolean {
  return outcome === "succeeded" || reason === "exit_code" || reason === "error";
}

function isFenced({ reason }: Attempt): boolean {
  return reason === "worker_lost" || reason === "host_lost";
}

/** A job's events as lines, for whoever looks into a violation. */
export function linesOf(list: readonly JobEvent[]): string[] {
  return list.map(
    ({ seq, at, type, attempt, data }) =>
      `${seq} ${new Date(at).toISOString()} ${type}${attempt === null ? "" : ` #${attempt}`} ${JSON.stringify(data)}`,
  );
}
