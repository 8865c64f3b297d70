/**
 * Decisions about schedules as they go between the threads (packed.ts): ten thousand that are due at once differ in their ids and
 * hardly anything else, and go as rows that are mostly alike. As JSON each of them was some 1,500 characters, and to write and to read
 * these took as long as all else that either thread did for it.
 *
 * D1. What most decisions say is not written out: that all they added is what began, and that nothing waits, was settled, or failed.
 */
import type { CursorState, Dispatch, Occurrence, OpenRun } from "@windlass/kernel";
import { occurrencesTable, tableOf, type AlikeRows } from "@windlass/sql";
import { recordsOf } from "./alike-rows.ts";
import { packChanges, unpackChanges, type PackedChanges } from "./packed-changes.ts";

export interface PackedDispatches {
  readonly dispatches: AlikeRows;
  readonly added: AlikeRows;
  readonly changes: PackedChanges;
  /** Of those that say more (D1), each with its place. */
  readonly more: readonly (readonly [number, More])[];
}

interface Plain extends Pick<Dispatch, "scheduleId" | "revision" | "wakes">, Pick<CursorState, "at" | "nextAt"> {
  readonly takenBack: number | null;
  /** How many of each. */
  readonly added: number;
  readonly changes: number;
}

const plainTable = tableOf<Plain>("", {
  scheduleId: "text",
  revision: "integer",
  wakes: "integer",
  at: "integer",
  nextAt: "integer",
  takenBack: "integer",
  added: "integer",
  changes: "integer",
});

type More = Pick<CursorState, "running" | "waiting" | "failing"> & Pick<Dispatch, "settled" | "replacedBy">;

export function packDispatches(dispatches: readonly Dispatch[]): PackedDispatches {
  const plain: Plain[] = [];
  const added: Occurrence[] = [];
  const changes: Dispatch["changes"][number][] = [];
  const more: (readonly [number, More])[] = [];
  for (const [i, dispatch] of dispatches.entries()) {
    const { scheduleId, revision, wakes, takenBack = null, replacedBy, settled } = dispatch;
    const { at, nextAt, running, waiting, failing } = dispatch.cursor;
    plain.push({ scheduleId, revision, wakes, at, nextAt, takenBack, added: dispatch.added.length, changes: dispatch.changes.length });
    for (const row of dispatch.added) added.push(row);
    for (const change of dispatch.changes) changes.push(change);
    if (!saysLittle(dispatch)) more.push([i, { running, waiting, failing, settled, ...(replacedBy === undefined ? {} : { replacedBy }) }]);
  }
  return { dispatches: plainTable.alike(plain), added: occurrencesTable.alike(added), changes: packChanges(changes), more };
}

export function unpackDispatches(packed: PackedDispatches): Dispatch[] {
  const added = recordsOf(occurrencesTable, packed.added);
  const changes = unpackChanges(packed.changes);
  const more = new Map(packed.more);
  let [addedTo, changesTo] = [0, 0];
  return recordsOf(plainTable, packed.dispatches).map((plain, i): Dispatch => {
    const { scheduleId, revision, wakes, at, nextAt, takenBack } = plain;
    const rows = added.slice(addedTo, (addedTo += plain.added));
    const { running, waiting, failing, ...rest } = more.get(i) ?? { running: begun(rows), waiting: [], failing: null, settled: [] };
    return {
      ...{ scheduleId, revision, wakes, cursor: { at, nextAt, running, waiting, failing } },
      ...(takenBack === null ? {} : { takenBack }),
      ...{ added: rows, ...rest, changes: changes.slice(changesTo, (changesTo += plain.changes)) },
    };
  });
}

/** See D1. */
function saysLittle({ cursor: { running, waiting, failing }, added, settled, replacedBy }: Dispatch): boolean {
  if (waiting.length > 0 || failing !== null || settled.length > 0 || replacedBy !== undefined) return false;
  const plain = begun(added);
  return (
    running.length === plain.length &&
    running.every((run, i) => {
      const { jobId, nominalAt } = plain[i] as OpenRun;
      return run.jobId === jobId && run.nominalAt === nominalAt && run.notBefore === undefined;
    })
  );
}

function begun(added: readonly Occurrence[]): OpenRun[] {
  const runs: OpenRun[] = [];
  for (const { jobId, nominalAt } of added) if (jobId !== null) runs.push({ jobId, nominalAt });
  return runs;
}
