/**
 * Definitions of which nothing new is taken (kernel, `workflow_disabled`).
 *
 * D1. Whoever submits a job that is made of one is refused: by hand, by a schedule, by a notice, or to run again what has ended. That is
 *     decided in the transaction that would store the job (kernel, A4), where it is also known whether its key has made one before.
 * D2. What had not begun when it was disabled is cancelled: executions that wait for their turn, and isolated ones for which nothing has
 *     run yet. What has begun goes on, with all that it is still to run.
 */
import {
  definitionKeyOf,
  definitionsNeeded,
  disabledRefusal,
  isTerminal,
  WindlassError,
  type Change,
  type DisabledDefinition,
  type JobKindName,
  type JobRecord,
  type JobState,
  type JobView,
  type Submit,
} from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { stopOf, type StopRequest } from "./stop.ts";

/** What makes this job, unless something that it is made of is disabled. Keeps D1. */
export function submitOf(context: EngineContext, job: JobRecord): Submit {
  const definitions = definitionsOf(context, job);
  return definitions.length === 0 ? { type: "submit", job } : { type: "submit", job, definitions };
}

/**
 * Whether one of these is made of a definition that is disabled now, for who must know before he submits it. Jobs of other kinds
 * cost nothing.
 */
export async function disabledAmong(
  context: EngineContext,
  records: readonly JobRecord[],
): Promise<(record: JobRecord) => WindlassError | null> {
  const asked = definitionsNeeded(records.map((record) => submitOf(context, record)));
  if (asked.length === 0) return () => null;
  const found = await context.store.definitions.disabled(asked);
  const disabled = new Map(found.map((one) => [definitionKeyOf(one), one]));
  return (record) => {
    const refusal = disabledRefusal(record, definitionsOf(context, record), disabled);
    return refusal === null ? null : new WindlassError(refusal.code, refusal.why, { details: refusal.details ?? {} });
  };
}

/** Jobs that are looked at, and ended, together. */
const PAGE = 500;
const BEFORE: readonly JobState[] = ["scheduled", "queued"];
const MAY_BE_BEFORE: readonly JobState[] = [...BEFORE, "running"];

/** Keeps D2. `demandCancel` throws when something would be cancelled and may not be. Null: there is no such definition. */
export async function disableDefinition(
  context: EngineContext,
  mark: DisabledDefinition,
  demandCancel: () => void,
): Promise<{ readonly mark: DisabledDefinition; readonly cancelled: number } | null> {
  if ((await endsOfUnbegun(context, mark, 1)).length > 0) demandCancel();
  const kept = await context.store.definitions.disable(mark);
  if (kept === null) return null;
  for (let cancelled = 0; ;) {
    const changes = await endsOfUnbegun(context, mark, PAGE);
    const results = await context.commit(changes);
    const ended = results.filter(({ ok }) => ok).length;
    cancelled += ended;
    if (changes.length < PAGE || ended === 0) return { mark: kept, cancelled };
  }
}

/** What ends the first executions that wait to begin, oldest first; each change is refused if its execution has begun by then. */
async function endsOfUnbegun(context: EngineContext, mark: DisabledDefinition, limit: number): Promise<readonly Change[]> {
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
  const changes: Change[] = [];
  for (let after: string | undefined; ;) {
    const page = await context.store.reads.list({ ...filter, ...(after === undefined ? {} : { after }) });
    for (const view of page) {
      const guard = changes.length < limit ? await whileUnbegun(context, view, mark) : null;
      if (guard !== null) changes.push(endOf(view.record.id, mark, guard));
    }
    after = page.at(-1)?.record.id;
    if (page.length < PAGE || changes.length >= limit) return changes;
  }
}

type Guard = Pick<StopRequest, "attempt" | "unbegun">;

/** By what a change is held to an execution that has not begun; null: this one has. An isolated one begins with its runner: until then its steps wait. */
async function whileUnbegun(context: EngineContext, { record, live, state }: JobView, { name }: DisabledDefinition): Promise<Guard | null> {
  const kind = context.kindOf(record.kind);
  if (live === null || isTerminal(state) || kind?.definitions?.(record)[0] !== name) return null;
  if (BEFORE.includes(state)) return live.attempt === 0 ? { attempt: 0 } : null;
  if ((kind.runner?.(record) ?? null) === null) return null;
  const unbegun: string[] = [];
  for (let after: string | undefined; ;) {
    const page = await context.store.reads.list({
      workspace: record.workspace,
      parentId: record.id,
      limit: PAGE,
      ...(after === undefined ? {} : { after }),
    });
    if (page.some((child) => child.live === null || child.live.attempt > 0)) return null;
    unbegun.push(...page.map((child) => child.record.id));
    after = page.at(-1)?.record.id;
    if (page.length < PAGE) return { unbegun };
  }
}

function endOf(id: string, { name, disabledBy: by }: DisabledDefinition, guard: Guard): Change {
  return stopOf(id, { reason: "workflow_disabled", message: `${name} was disabled by ${by} before this had begun`, by, ...guard });
}

const NONE: readonly string[] = [];

function definitionsOf(context: EngineContext, record: JobRecord): readonly string[] {
  return context.kindOf(record.kind)?.definitions?.(record) ?? NONE;
}
