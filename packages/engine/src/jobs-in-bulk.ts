/**
 * Acts on all jobs of a filter: cancel those that live, run those again that have ended.
 *
 * B1. Which jobs are meant is settled before the first of them is touched, so what the act itself makes is never met again.
 * B2. A dry run looks exactly as the act would, and touches nothing.
 */
import {
  assert,
  isTerminal,
  liveStates,
  WindlassError,
  type Change,
  type ChangeResult,
  type JobRecord,
  type JobState,
  type JobView,
} from "@windlass/kernel";
import type { JobFilter } from "@windlass/ports";
import { refusalOf, type CommandGate } from "./command-gate.ts";
import type { EngineContext } from "./context.ts";
import { submitOf } from "./disabled-definitions.ts";
import { again } from "./jobs.ts";
import { stopOf } from "./stop.ts";

export interface BulkRequest {
  readonly filter: Omit<JobFilter, "limit" | "after" | "order">;
  /** At most so many, oldest first. */
  readonly limit: number;
  readonly dryRun: boolean;
  readonly by: string;
}

export interface BulkAnswer {
  /** Jobs that fit, up to the limit. */
  readonly matched: number;
  /** True when more fit than the limit lets through. */
  readonly more: boolean;
  /** Jobs on which it was done: 0 in a dry run. */
  readonly done: number;
  /** Why it was not done on others, by the id of each. */
  readonly refused: readonly { readonly id: string; readonly error: WindlassError }[];
  /** The first that fit. */
  readonly sample: readonly JobView[];
}

/** What one answer shows. */
const SAMPLE_MAX = 20;
const REFUSED_MAX = 100;
/** Jobs of one transaction. */
const PAGE = 500;

/** Steps are not looked for: they end with the execution that they belong to. */
export async function cancelMany(
  context: EngineContext,
  request: BulkRequest & { readonly message: string | null; readonly graceMs?: number },
): Promise<BulkAnswer> {
  const { by, message, graceMs } = request;
  const stop = (id: string): Change =>
    stopOf(id, { reason: "cancel_requested", message: message ?? `cancelled by ${by}`, by, ...(graceMs === undefined ? {} : { graceMs }) });
  return act(context, { request, states: liveStates, changes: async (ids) => ids.map((id) => ({ id, change: stop(id) })) });
}

const ENDED_BADLY: readonly JobState[] = ["failed", "cancelled", "expired"];

/** Without states in the filter: those that did not succeed. */
export async function retryMany(context: EngineContext, request: BulkRequest & { readonly gate: CommandGate }): Promise<BulkAnswer> {
  const states = (request.filter.states ?? ENDED_BADLY).filter((state) => isTerminal(state));
  return act(context, {
    request: { ...request, filter: { ...request.filter, states } },
    states,
    changes: async (ids) => {
      const records = new Map((await context.store.jobs.records(ids)).map((record): [string, JobRecord] => [record.id, record]));
      return ids.flatMap((id) => {
        const record = records.get(id);
        if (record === undefined) return [];
        const refusal = refusalOf(() => request.gate(record));
        return [{ id, change: refusal ?? submitOf(context, again(context, record, request.by)) }];
      });
    },
  });
}

interface Acting {
  readonly request: BulkRequest;
  /** Of the jobs that it can be done on. */
  readonly states: readonly JobState[];
  /** A job that it must not be done on has the reason in place of a change. */
  readonly changes: (ids: readonly string[]) => Promise<readonly { readonly id: string; readonly change: Change | WindlassError }[]>;
}

async function act(context: EngineContext, { request, states, changes }: Acting): Promise<BulkAnswer> {
  const { filter, limit, dryRun } = request;
  const wanted = filter.states === undefined ? states : filter.states.filter((state) => states.includes(state));
  const { ids, sample, more } = await fitting(context, { ...filter, states: wanted, rootsOnly: true }, limit);
  const refused: BulkAnswer["refused"][number][] = [];
  let done = 0;
  for (let at = 0; !dryRun && at < ids.length; at += PAGE) {
    const proposed = await changes(ids.slice(at, at + PAGE));
    const results = (await context.commit(proposed.flatMap(({ change }) => (change instanceof WindlassError ? [] : [change])))).values();
    for (const { id, change } of proposed) {
      const error = change instanceof WindlassError ? change : refusedBy(id, results.next().value);
      if (error === null) done++;
      else if (refused.length < REFUSED_MAX) refused.push({ id, error });
    }
  }
  return { matched: ids.length, more, done, refused, sample };
}

function refusedBy(id: string, result: ChangeResult | undefined): WindlassError | null {
  assert(result !== undefined, "a result for each change");
  if (result.ok) return null;
  const { code, why, details = {} } = result.refusal;
  return new WindlassError(code, `${id}: ${why}`, { details });
}

/** Ids of the jobs that fit now, oldest first (B1). */
async function fitting(
  context: EngineContext,
  filter: Omit<JobFilter, "limit">,
  limit: number,
): Promise<{ readonly ids: readonly string[]; readonly sample: readonly JobView[]; readonly more: boolean }> {
  const ids: string[] = [];
  const sample: JobView[] = [];
  if (filter.states?.length === 0) return { ids, sample, more: false };
  for (let after: string | undefined; ids.length <= limit; after = ids.at(-1)) {
    const wanted = Math.min(PAGE, limit + 1 - ids.length);
    const page = await context.store.reads.list({ ...filter, order: "oldest", limit: wanted, ...(after === undefined ? {} : { after }) });
    for (const view of page) ids.push(view.record.id);
    sample.push(...page.slice(0, SAMPLE_MAX - sample.length));
    if (page.length < wanted) break;
  }
  return { ids: ids.slice(0, limit), sample: sample.slice(0, limit), more: ids.length > limit };
}
