/**
 * Changes as they go between the threads (packed.ts): many new jobs as rows that are mostly alike, and the end that most holders tell
 * of as a short list.
 */
import type { Change, JobRecord, Settle } from "@windlass/kernel";
import { jobsTable, type AlikeRows } from "@windlass/sql";
import { recordsOf } from "./alike-rows.ts";

/** The changes in their order, and the new jobs among them when there are enough of these. */
export type PackedChanges = readonly [changes: readonly PackedChange[], jobs: AlikeRows | null];
type PackedChange = Change | PlainEnd | typeof MADE | MadeOf;

export function packChanges(changes: readonly Change[]): PackedChanges {
  const jobs: JobRecord[] = [];
  for (const change of changes) if (change.type === "submit") jobs.push(change.job);
  if (jobs.length < TOGETHER_MIN) return [changes.map(shortened), null];
  const others = changes.map((change) => (change.type === "submit" ? madeOf(change.definitions) : shortened(change)));
  return [others, jobsTable.alike(jobs)];
}

export function unpackChanges([changes, rows]: PackedChanges): Change[] {
  const jobs = (rows === null ? [] : recordsOf(jobsTable, rows)).values();
  return changes.map((change) => changeOf(change, jobs));
}

/** New jobs of one call that go together. */
const TOGETHER_MIN = 8;
/** Stands where a job is made that is the next among the rows. */
const MADE = 0;
/** The same, of one that is made of definitions. */
interface MadeOf {
  readonly definitions: readonly string[];
}

function madeOf(definitions: readonly string[] | undefined): typeof MADE | MadeOf {
  return definitions === undefined ? MADE : { definitions };
}

function changeOf(change: PackedChange, jobs: Iterator<JobRecord, undefined>): Change {
  if (change === MADE) return { type: "submit", job: jobs.next().value as JobRecord };
  if (isPlainEnd(change)) return lengthened(change);
  return "type" in change ? change : { type: "submit", job: jobs.next().value as JobRecord, ...change };
}

function isPlainEnd(change: Change | PlainEnd | MadeOf): change is PlainEnd {
  return Array.isArray(change);
}

/** Id, attempt, token, random. */
type PlainEnd = readonly [string, number, number, number];

function shortened(change: Change): Change | PlainEnd {
  if (change.type !== "settle") return change;
  const { id, attempt, by, random, result, stopped, told, retryAfterMs } = change;
  if (by.type !== "holder" || stopped || told !== undefined || retryAfterMs !== undefined) return change;
  const { outcome, reason, message, output, exitCode, signal, evidence } = result;
  if (outcome !== "succeeded" || reason !== "ok" || message !== null || output !== null) return change;
  if (exitCode !== undefined || signal !== undefined || evidence !== undefined) return change;
  return [id, attempt, by.token, random];
}

function lengthened([id, attempt, token, random]: PlainEnd): Settle {
  const result = { outcome: "succeeded", reason: "ok", message: null, output: null } as const;
  return { type: "settle", id, attempt, by: { type: "holder", token }, result, stopped: false, random };
}
