/**
 * Moves the jobs that nobody executes (executions, timers): takes those that a fact has woken, asks their kind what is
 * next, and commits the answer. No queue, slot or attempt per wake.
 *
 * N1. Any number of advancers may run: a decision counts only if no other came first (kernel, A3).
 * N2. A fact stays in the store until a decision that has seen it is stored, so a crash anywhere loses nothing.
 * N3. A stopping job starts nothing; it ends its children and then itself.
 * N4. A kind that throws, or asks for more children than a job may have, cannot stall a job: the job is stopped, and told why.
 * N5. A decision that the store fails on keeps no other from being stored.
 * N6. A store that cannot be read now says nothing about a job: what was to be decided is decided later.
 */
import {
  CLOSING_KEY,
  mayPass,
  messageOf,
  type Advance,
  type Change,
  type ChangeResult,
  type Json,
  type LiveJob,
  type Refusal,
} from "@windlass/kernel";
import { withOutputs } from "./asked-outputs.ts";
import type { EngineContext } from "./context.ts";
import { DecidedRecords, type DecidingJob } from "./decided-records.ts";
import type { Decision } from "./job-kind.ts";
import { loop, type Loop } from "./service.ts";
import type { OpenSession } from "./session.ts";
import { childRecordOf } from "./submit.ts";
import { stopOf } from "./stop.ts";
import { treeSizes, type TreeSizes } from "./tree-size.ts";

/** Jobs that one pass takes. */
const BATCH = 100;
/** Cursors kept in memory: reading one back costs a query, so those of busy executions stay. */
const CURSORS_MAX = 1_000;
/** Decisions that are tried alone before the store counts as out of reach. */
const FAILURES_MAX = 3;
/** Wake-ups come by the bus; this is for those that were lost. */
const REST_MS = 1_000;

interface KnownCursor {
  readonly decided: number;
  readonly entries: Map<string, Json>;
}

/** What is kept between decisions. */
interface Known {
  readonly cursors: Map<string, KnownCursor>;
  readonly records: DecidedRecords;
  readonly trees: TreeSizes;
}

export function advancer(context: EngineContext, session: OpenSession): Loop {
  const cursors = new Map<string, KnownCursor>();
  const records = new DecidedRecords(context.store.jobs);
  const trees = treeSizes(async (rootId, limit) => {
    const [root] = await context.store.jobs.records([rootId]);
    if (root === undefined) return 0;
    const { counts } = await context.store.reads.tally({ workspace: root.workspace, rootId, limit }, "kind");
    return Object.values(counts).reduce((sum, one) => sum + one, 0);
  });
  return loop({
    name: "advancer",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => context.pace.rest(REST_MS),
    subscribe: (wake) => {
      const ends = [context.bus.subscribe("woken", wake), context.bus.subscribe("ready", (key) => key.startsWith("none/") && wake())];
      return () => ends.forEach((end) => end());
    },
    pass: async () => {
      await session.ensure();
      const { jobs, signals } = await context.store.jobs.claim({
        executor: "none",
        session: session.id,
        place: null,
        limit: BATCH,
        now: context.now(),
      });
      if (jobs.length > 0) context.announce(signals);
      const woken = await records.join(await context.store.jobs.woken(BATCH));
      const moved = woken.length > 0 && (await advanceAll(context, woken, { cursors, records, trees }));
      return jobs.length > 0 || moved;
    },
  });
}

/** True when at least one decision counted: if none did, looking again at once would spin. */
async function advanceAll(context: EngineContext, woken: readonly DecidingJob[], known: Known): Promise<boolean> {
  const { cursors } = known;
  const decided = await decideEach(context, woken, known);
  const changes = decided.flat();
  const results = await commitEach(context, decided);
  const hopeless: Change[] = [];
  results.forEach((result, i) => {
    const change = changes[i];
    if (change?.type !== "advance") return;
    if (result?.ok === true && change.finish === null) remember(cursors, change);
    else cursors.delete(change.id);
    if (result?.ok === true && change.finish !== null) known.records.forget(change.id);
    if (result?.ok === false && result.refusal.code === HOPELESS) hopeless.push(undecided(change.id, result.refusal.why));
  });
  await context.commit(hopeless);
  return results.some((result) => result?.ok === true);
}

/** What can be decided now (N6). @throws what the store throws when it is nothing. */
async function decideEach(context: EngineContext, woken: readonly DecidingJob[], known: Known): Promise<readonly (readonly Change[])[]> {
  const decided: (readonly Change[])[] = [];
  let failure: Error | null = null;
  for (const job of woken) {
    try {
      decided.push(await changesFor(context, job, known));
    } catch (error) {
      failure ??= error as Error;
      known.cursors.delete(job.live.id);
    }
  }
  if (failure === null) return decided;
  if (decided.length === 0) throw failure;
  context.logger.warn("some decisions are made later", { jobs: woken.length - decided.length, error: messageOf(failure) });
  return decided;
}

/** A refusal that each decision that follows would meet again: a tree only grows. */
const HOPELESS: Refusal["code"] = "too_many_jobs";

/** Together, or each on its own when the store fails on one of them (N5). @throws what the store throws when it takes none. */
async function commitEach(context: EngineContext, decided: readonly (readonly Change[])[]): Promise<readonly (ChangeResult | undefined)[]> {
  try {
    return await context.commit(decided.flat());
  } catch (error) {
    if (decided.length === 1) throw error;
    const results: (ChangeResult | undefined)[] = [];
    let stored = 0;
    for (const [done, changes] of decided.entries()) {
      // The store takes nothing at all: there is no use in asking for each.
      if (stored === 0 && done === FAILURES_MAX) throw error;
      const answers = await context.commit(changes).catch(() => null);
      if (answers !== null) stored++;
      results.push(...(answers ?? changes.map(() => undefined)));
    }
    if (stored === 0) throw error;
    const failed = decided.length - stored;
    context.logger.error("decisions could not be stored and are made again", { jobs: failed, error: messageOf(error) });
    return results;
  }
}

function undecided(id: string, why: string): Change {
  return stopOf(id, { reason: "bad_spec", message: `it could not be decided what is next: ${why}`, by: "windlass" });
}

/** @throws what may pass (N6). */
async function changesFor(context: EngineContext, job: DecidingJob, { cursors, trees }: Known): Promise<Change[]> {
  if (job.live.state === "stopping") return stoppingChanges(context, job, cursors);
  try {
    const kind = context.kindOf(job.record.kind);
    if (kind?.advance === undefined) throw new Error(`this server does not know how to run a job of kind "${job.record.kind}"`);
    const cursor = await cursorOf(context, job, cursors);
    const advance = kind.advance.bind(kind);
    const now = context.now();
    const decision = await withOutputs(context.store.reads, (outputs) => advance({ ...job, cursor, now, outputs }));
    // The store would fail on it, and with it on everything that is committed beside it.
    if (decision.finish?.outcome === "expired") throw new Error("its kind ended it as expired, which only a start deadline can");
    // A root is bounded by how many children it may have.
    if (decision.children.length > 0 && job.record.parentId !== null) await trees.add(job.record.rootId, decision.children.length);
    return [await advanceOf(context, job, decision)];
  } catch (error) {
    if (mayPass(error)) throw error;
    context.logger.error("a decision failed; the job is stopped", {
      job: job.live.id,
      error: messageOf(error),
      stack: error instanceof Error ? error.stack : null,
    });
    cursors.delete(job.live.id);
    return [undecided(job.live.id, messageOf(error))];
  }
}

/** Ends what is open, lets its kind clean up, then ends itself (N3). */
async function stoppingChanges(context: EngineContext, job: DecidingJob, cursors: Map<string, KnownCursor>): Promise<Change[]> {
  const { record, live, seen } = job;
  const { cursor, children, tells } = await closing(context, job, cursors);
  const open = live.openChildren === 0 ? [] : await context.store.jobs.live({ parentId: live.id }, live.openChildren);
  const stops = open
    .filter((child) => child.state !== "stopping" && child.childKey !== CLOSING_KEY)
    .map((child) => stopOf(child.id, { reason: "parent_ended", message: `${record.name} is stopping`, by: live.id }));
  const over = live.openChildren === 0 && seen === live.wakes && children.length === 0;
  const finish = over
    ? ({ outcome: "cancelled", reason: live.stop?.reason ?? "cancel_requested", message: live.stop?.message ?? null } as const)
    : null;
  return [...stops, { ...EMPTY, id: live.id, decided: live.decided, seen, cursor, children, tells, finish }];
}

type Closing = Required<Pick<Advance, "cursor" | "children" | "tells">>;

/** A kind that throws here cleans up nothing; its job ends all the same (N4). */
async function closing(context: EngineContext, job: DecidingJob, cursors: Map<string, KnownCursor>): Promise<Closing> {
  const kind = context.kindOf(job.record.kind);
  if (kind?.close === undefined) return CLOSED;
  try {
    const close = kind.close.bind(kind);
    const given = { ...job, cursor: await cursorOf(context, job, cursors), now: context.now() };
    const { cursor, children, tells = [] } = await withOutputs(context.store.reads, (outputs) => close({ ...given, outputs }));
    const { parentId } = job.record;
    return {
      cursor,
      children: children.map((child) => childRecordOf(context, job.record, child)),
      tells: parentId === null ? [] : tells.filter(({ key }) => key === null).map(({ fact }) => ({ id: parentId, fact })),
    };
  } catch (error) {
    if (mayPass(error)) throw error;
    context.logger.error("what cleans up behind a job could not be made", { job: job.live.id, error: messageOf(error) });
    return CLOSED;
  }
}

const CLOSED: Closing = { cursor: {}, children: [], tells: [] };
const EMPTY = { type: "advance", stops: [], waitUntil: null, progress: null } as const;

async function advanceOf(context: EngineContext, { record, live, seen }: DecidingJob, decision: Decision): Promise<Advance> {
  const children = decision.children.map((child) => childRecordOf(context, record, child));
  const named = decision.stops.length > 0 || (decision.tells ?? []).length > 0;
  // One that this very decision makes may be meant: it has seen what asks for the child, and what the child waits for.
  const made = children.map(({ id, childKey }) => [childKey, id] as const);
  const ids = named ? new Map([...made, ...(await idsByKey(context, live))]) : new Map<string | null, string>();
  // Those that have ended meanwhile are left out.
  const stops = decision.stops.flatMap(({ key, reason, message }) => {
    const id = ids.get(key);
    return id === undefined ? [] : [{ id, reason, message }];
  });
  // Of a child that has ended there is no id here, and none is needed: what is told comes back.
  const tells = (decision.tells ?? []).map(({ key, fact }) => ({ id: (key === null ? record.parentId : ids.get(key)) ?? "", fact }));
  return { ...decision, type: "advance", id: live.id, decided: live.decided, seen, children, stops, tells };
}

/** The live children of a job by their keys. */
async function idsByKey(context: EngineContext, live: LiveJob): Promise<ReadonlyMap<string | null, string>> {
  const open = await context.store.jobs.live({ parentId: live.id }, live.openChildren);
  return new Map(open.map((child) => [child.childKey, child.id]));
}

async function cursorOf(
  context: EngineContext,
  { live }: DecidingJob,
  cursors: Map<string, KnownCursor>,
): Promise<ReadonlyMap<string, Json>> {
  const known = cursors.get(live.id);
  if (known?.decided === live.decided) return known.entries;
  const entries = new Map(live.decided === 0 ? [] : Object.entries(await context.store.jobs.cursor(live.id)));
  cursors.set(live.id, { decided: live.decided, entries });
  return entries;
}

function remember(cursors: Map<string, KnownCursor>, change: Advance): void {
  const entries = cursors.get(change.id)?.entries ?? new Map<string, Json>();
  for (const [key, value] of Object.entries(change.cursor)) {
    if (value === null) entries.delete(key);
    else entries.set(key, value);
  }
  cursors.delete(change.id);
  cursors.set(change.id, { decided: change.seen, entries });
  if (cursors.size > CURSORS_MAX) {
    const [oldest] = cursors.keys();
    if (oldest !== undefined) cursors.delete(oldest);
  }
}
