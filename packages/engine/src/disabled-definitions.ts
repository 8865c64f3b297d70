/**
 * Definitions of which nothing new is taken (kernel, `workflow_disabled`).
 *
 * D1. Whoever submits a job that is made of one is refused: by hand, by a schedule, by a notice, or to run again what has ended.
 * D2. What had not begun when it was disabled is cancelled: executions that wait for their turn, and isolated ones for which nothing has
 *     run yet. What has begun goes on, with all that it is still to run.
 */
import {
  isTerminal,
  jobStates,
  WindlassError,
  type Change,
  type JobKindName,
  type JobRecord,
  type JobState,
  type JobView,
} from "@windlass/kernel";
import type { DefinitionName, DisabledDefinition } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { stopOf } from "./stop.ts";

/** Throws `workflow_disabled`. */
export async function demandEnabled(context: EngineContext, records: readonly JobRecord[]): Promise<void> {
  const refusal = await disabledAmong(context, records);
  for (const record of records) {
    const error = refusal(record);
    if (error !== null) throw error;
  }
}

/** Whether one of these is made of a definition that is disabled now. Jobs of other kinds cost nothing. */
export async function disabledAmong(
  context: EngineContext,
  records: readonly JobRecord[],
): Promise<(record: JobRecord) => WindlassError | null> {
  const asked = new Map<string, DefinitionName>();
  for (const record of records) for (const key of definitionsOf(context, record)) asked.set(textOf(key), key);
  if (asked.size === 0) return () => null;
  const found = await context.store.definitions.disabled([...asked.values()]);
  const disabled = new Map(found.map((one) => [textOf(one), one]));
  return (record) => {
    for (const key of disabled.size === 0 ? [] : definitionsOf(context, record)) {
      const mark = disabled.get(textOf(key));
      if (mark !== undefined) return refusalOf(record, mark);
    }
    return null;
  };
}

/** Jobs that are looked at, and ended, together. */
const PAGE = 500;
const BEFORE: readonly JobState[] = ["scheduled", "queued"];
const MAY_BE_BEFORE: readonly JobState[] = [...BEFORE, "running"];
const BEGUN: readonly JobState[] = jobStates.filter((state) => !BEFORE.includes(state));

/** Keeps D2. `demandCancel` throws when something would be cancelled and may not be. Null: there is no such definition. */
export async function disableDefinition(
  context: EngineContext,
  mark: DisabledDefinition,
  demandCancel: () => void,
): Promise<{ readonly mark: DisabledDefinition; readonly cancelled: number } | null> {
  if ((await notBegun(context, mark, 1)).length > 0) demandCancel();
  const kept = await context.store.definitions.disable(mark);
  if (kept === null) return null;
  for (let cancelled = 0; ;) {
    const ids = await notBegun(context, mark, PAGE);
    const results = await context.commit(ids.map((id) => endOf(id, mark)));
    const ended = results.filter(({ ok }) => ok).length;
    cancelled += ended;
    if (ids.length < PAGE || ended === 0) return { mark: kept, cancelled };
  }
}

/** Ids of the first executions that wait to begin, oldest first. */
async function notBegun(context: EngineContext, mark: DisabledDefinition, limit: number): Promise<readonly string[]> {
  const { workspace, type, name } = mark;
  const filter = {
    workspace,
    kind: type as JobKindName,
    name,
    states: MAY_BE_BEFORE,
    rootsOnly: true,
    order: "oldest",
    limit: PAGE,
  } as const;
  const ids: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await context.store.reads.list({ ...filter, ...(after === undefined ? {} : { after }) });
    for (const view of page) if (ids.length < limit && (await isBefore(context, view, mark))) ids.push(view.record.id);
    after = page.at(-1)?.record.id;
    if (page.length < PAGE || ids.length >= limit) return ids;
  }
}

/** An isolated execution begins with its runner: until then its steps wait. */
async function isBefore(context: EngineContext, { record, live, state }: JobView, { name }: DisabledDefinition): Promise<boolean> {
  const kind = context.kindOf(record.kind);
  if (live === null || isTerminal(state) || kind?.definitions?.(record)[0] !== name) return false;
  if (BEFORE.includes(state)) return live.attempt === 0;
  if ((kind.runner?.(record) ?? null) === null) return false;
  return (await context.store.reads.list({ workspace: record.workspace, parentId: record.id, states: BEGUN, limit: 1 })).length === 0;
}

function endOf(id: string, { name, disabledBy: by }: DisabledDefinition): Change {
  return stopOf(id, { reason: "workflow_disabled", message: `${name} was disabled by ${by} before this had begun`, by });
}

function definitionsOf(context: EngineContext, record: JobRecord): readonly DefinitionName[] {
  const names = context.kindOf(record.kind)?.definitions?.(record) ?? [];
  return names.map((name) => ({ workspace: record.workspace, type: record.kind, name }));
}

function textOf({ workspace, type, name }: DefinitionName): string {
  return `${workspace}/${type}/${name}`;
}

function refusalOf(record: JobRecord, { name, disabledBy, disabledAt, reason }: DisabledDefinition): WindlassError {
  const what = record.name === name ? `the workflow ${name}` : `the workflow ${name}, which ${record.name} runs,`;
  const why = reason === null ? "" : `: ${reason}`;
  return new WindlassError(
    "workflow_disabled",
    `${what} was disabled by ${disabledBy} at ${new Date(disabledAt).toISOString()}${why}. Nothing new of it is taken until somebody enables it: windlass workflows enable ${name}`,
    { details: { workflow: name } },
  );
}
