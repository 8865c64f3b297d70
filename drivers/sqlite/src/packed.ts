/**
 * What is long goes between the threads as a text of JSON. To copy an object V8 writes the name of each of its fields, every
 * time: a thousand jobs take 2.6 times as long that way, both ends together. All of it is data of the kernel that JSON brings
 * back as it was; a field that is undefined is left out, which means the same.
 * Many new jobs go as rows that are mostly alike (alike-rows.ts).
 *
 * P1. What most changes and results say is not written out: that a holder ended without output, and that a change was
 *     accepted. Whoever reads a reply has the call at hand.
 */
import type { Change, ChangeResult, JobRecord, Settle } from "@windlass/kernel";
import { jobsTable, type AlikeRows } from "@windlass/sql";
import { recordsOf } from "./alike-rows.ts";
import type { OperationName } from "./operations.ts";
import type { Packed, Reply } from "./thread-message.ts";

type Values = readonly unknown[];

/** The values of a call as they are sent. */
export function packValues(name: OperationName, values: Values): Values | Packed {
  if (name === "dispatchSchedules") return JSON.stringify(values) as Packed;
  if (name !== "commit") return values;
  const [changes, ...rest] = values as [readonly Change[], ...unknown[]];
  const jobs: JobRecord[] = [];
  for (const change of changes) if (change.type === "submit") jobs.push(change.job);
  if (jobs.length < TOGETHER_MIN) return JSON.stringify([changes.map(shortened), null, ...rest]) as Packed;
  const others = changes.map((change) => (change.type === "submit" ? madeOf(change.definitions) : shortened(change)));
  return JSON.stringify([others, jobsTable.alike(jobs), ...rest]) as Packed;
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

export function unpackValues(name: OperationName, values: Values | Packed): Values {
  if (typeof values !== "string") return values;
  const unpacked = JSON.parse(values) as Values;
  if (name !== "commit") return unpacked;
  const [changes, rows, ...rest] = unpacked as [readonly (Change | PlainEnd | typeof MADE | MadeOf)[], AlikeRows | null, ...unknown[]];
  const jobs = (rows === null ? [] : recordsOf(jobsTable, rows)).values();
  return [changes.map((change) => changeOf(change, jobs)), ...rest];
}

function changeOf(change: Change | PlainEnd | typeof MADE | MadeOf, jobs: Iterator<JobRecord, undefined>): Change {
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

/** Lists in answers that have an entry for each job. */
const LISTS = ["results", "jobs"] as const;

/** `values`: those of the call that is answered. */
export function packReply(reply: Reply, values: Values = []): Reply {
  const { value } = reply;
  if (typeof value !== "object" || value === null) return reply;
  for (const list of LISTS) {
    if (!(list in value)) continue;
    const full = value[list as never] as unknown;
    const packed = list === "results" ? notPlain(full as readonly ChangeResult[], values[0] as readonly Change[]) : full;
    const text = textOf(packed);
    return text === null ? reply : { ...reply, value: { ...value, [list]: null }, list, packed: text };
  }
  return reply;
}

/** Null when it is longer than a text may be: it is stored already, and is copied as it is. */
function textOf(value: unknown): Packed | null {
  try {
    return JSON.stringify(value) as Packed;
  } catch {
    return null;
  }
}

/** `values`: those of the call that is answered. */
export function valueOf({ value, list, packed }: Reply, values: Values = []): unknown {
  if (list === undefined || packed === undefined) return value;
  const unpacked = JSON.parse(packed) as unknown;
  const full = list === "results" ? withPlain(unpacked as NotPlain, values[0] as readonly Change[]) : unpacked;
  return { ...(value as object), [list]: full };
}

/** The results that say more than that a change was accepted, each with its place. */
type NotPlain = readonly (readonly [number, ChangeResult])[];

function notPlain(results: readonly ChangeResult[], changes: readonly Change[]): NotPlain {
  return results.flatMap((result, i) => {
    const plain = plainResult(changes[i] as Change);
    return result.ok && result.id === plain.id && result.created === plain.created ? [] : [[i, result] as const];
  });
}

function withPlain(told: NotPlain, changes: readonly Change[]): readonly ChangeResult[] {
  const results: ChangeResult[] = changes.map((change) => plainResult(change));
  for (const [i, result] of told) results[i] = result;
  return results;
}

function plainResult(change: Change): Extract<ChangeResult, { readonly ok: true }> {
  return change.type === "submit" ? { ok: true, id: change.job.id, created: true } : { ok: true, id: change.id };
}
