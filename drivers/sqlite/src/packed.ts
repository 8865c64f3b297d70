/**
 * What is long goes between the threads as a text of JSON. To copy an object V8 writes the name of each of its fields, every
 * time: a thousand jobs take 2.6 times as long that way, both ends together. All of it is data of the kernel that JSON brings
 * back as it was; a field that is undefined is left out, which means the same.
 * Many new jobs go as rows that are mostly alike (packed-changes.ts), and so do the decisions of schedules (packed-dispatches.ts).
 *
 * P1. What most changes and results say is not written out: that a holder ended without output, and that a change was
 *     accepted. Whoever reads a reply has the call at hand.
 */
import type { Change, ChangeResult, Dispatch } from "@windlass/kernel";
import type { OperationName } from "./operations.ts";
import { packChanges, unpackChanges, type PackedChanges } from "./packed-changes.ts";
import { packDispatches, unpackDispatches, type PackedDispatches } from "./packed-dispatches.ts";
import type { Packed, Reply } from "./thread-message.ts";

type Values = readonly unknown[];

/** The values of a call as they are sent. */
export function packValues(name: OperationName, values: Values): Values | Packed {
  const [first, ...rest] = values;
  if (name === "commit") return JSON.stringify([packChanges(first as readonly Change[]), ...rest]) as Packed;
  if (name === "dispatchSchedules") return JSON.stringify([packDispatches(first as readonly Dispatch[]), ...rest]) as Packed;
  return values;
}

export function unpackValues(name: OperationName, values: Values | Packed): Values {
  if (typeof values !== "string") return values;
  const [first, ...rest] = JSON.parse(values) as Values;
  return [name === "commit" ? unpackChanges(first as PackedChanges) : unpackDispatches(first as PackedDispatches), ...rest];
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
