/** For tests: a dispatcher on a clock that is set, a store in memory, and jobs that end when they are told to. */
import { engineContext, localBus, type EngineContext, type JobKind } from "@windlass/engine";
import type { Concurrency, JobRecord, JsonObject, Occurrence, OccurrenceDecision, Overlap, Schedule } from "@windlass/kernel";
import { DEFAULT_CATCH_UP, WindlassError } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { openSqliteStore } from "@windlass/sqlite";
import { fakeClock, memoryLogs, quietLogger, seededRandom, settleOf, type FakeClock } from "@windlass/testkit";
import { dispatchOnce, type DispatchedOnce } from "./dispatch-once.ts";
import type { Evaluating } from "./evaluate.ts";
import { schedules, type ScheduleRequest, type Schedules } from "./schedules.ts";
import { fireTimes } from "./timing.ts";

export interface DispatchFixture {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly context: EngineContext;
  readonly parts: Evaluating;
  readonly schedules: Schedules;
  /** Fires by these cron expressions, in UTC; changed as given. */
  readonly put: (cron: string, more?: Partial<ScheduleRequest>) => Promise<Schedule>;
  readonly set: (time: string) => void;
  /** One pass of a dispatcher at this time. */
  readonly tick: (time: string, aheadMs?: number) => Promise<DispatchedOnce>;
  /** Its ledger, oldest first. */
  readonly rows: (name?: string) => Promise<readonly Occurrence[]>;
  /** `09:00:00 fired`, oldest first; spans with how many they stand for. */
  readonly told: (name?: string) => Promise<readonly string[]>;
  /** Nominal times of the jobs that were made, oldest first. */
  readonly jobs: () => Promise<readonly JobRecord[]>;
  /** Nothing new is taken of what its schedules run, until `enable`. */
  readonly disable: () => Promise<void>;
  readonly enable: () => Promise<void>;
  /** Ends this job well: it is started first if need be. */
  readonly end: (id: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const taskKind: JobKind = {
  kind: "task",
  validate: (spec) => (spec["broken"] === true ? [{ path: "spec.broken", message: "it is broken" }] : []),
  definitions: ({ name }) => [name],
};

/** What its schedules run, as a stored definition that can be disabled. */
const GREET = { workspace: "default", type: "task", name: "greet" } as const;

const ALLOW: Overlap = { policy: "allow", limit: 100 };

export async function dispatchFixture(start: string): Promise<DispatchFixture> {
  const clock = fakeClock(Date.parse(start));
  const store = await openSqliteStore({ path: ":memory:", clock });
  const context = engineContext({
    store,
    clock,
    random: seededRandom(7),
    bus: localBus(),
    logger: quietLogger(),
    logs: memoryLogs(),
    sha256: (text) => text,
    kinds: [taskKind],
  });
  const parts: Evaluating = { context, fire: fireTimes, templates: { task: { begin: () => taskOf } } };
  const made = schedules(parts);
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
  const set = (time: string): void => clock.jump(Date.parse(time) - clock.now());
  const rows = async (name = "s"): Promise<readonly Occurrence[]> => {
    const { schedule } = await made.get({ workspace: "default", name });
    return (await store.schedules.history({ scheduleId: schedule.id, limit: 10_000 })).toReversed();
  };
  return {
    clock,
    store,
    context,
    parts,
    schedules: made,
    set,
    rows,
    put: async (cron, more) => (await made.put(requestOf(cron, more), "ann")).schedule,
    tick(time, aheadMs = 0) {
      set(time);
      return dispatchOnce(parts, { aheadMs });
    },
    told: async (name) =>
      (await rows(name)).map(({ nominalAt, count, decision }) => `${timeOf(nominalAt)} ${decision}${count === 1 ? "" : ` ×${count}`}`),
    async jobs() {
      const views = await store.reads.list({ workspace: "default", limit: 500 });
      return views.map(({ record }) => record).toSorted((a, b) => nominalOf(a) - nominalOf(b));
    },
    async disable() {
      const { definitions } = store;
      await definitions.put({ ...GREET, id: "def_1", hash: "greet", body: {}, labels: {}, createdAt: 0 });
      await definitions.disable({ ...GREET, disabledBy: "ann", disabledAt: clock.now(), reason: null });
    },
    async enable() {
      await store.definitions.enable(GREET);
    },
    end: (id) => endJob(context, id),
    close: () => store.close(),
  };
}

function requestOf(cron: string, more: Partial<ScheduleRequest> = {}): ScheduleRequest {
  const timing = { cron: [cron], everyMs: null, anchor: 0, timezone: "UTC", jitterMs: 0, startsAt: null, endsAt: null, exclude: [] };
  const policies = { overlap: ALLOW, catchUp: DEFAULT_CATCH_UP } as const;
  return { workspace: "default", name: "s", timing, ...policies, template: { kind: "task" }, input: null, labels: {}, ...more };
}

async function endJob(context: EngineContext, id: string): Promise<void> {
  const { jobs } = context.store;
  const claim = { executor: "handler", session: "ses_1", place: null, limit: 9, now: context.now() } as const;
  for (let left = true; left;) left = (await jobs.claim(claim)).jobs.length > 0;
  const [live] = (await jobs.live({}, 500)).filter((one) => one.id === id);
  if (live === undefined) throw new Error(`${id} is not alive`);
  await context.commit([settleOf(live)]);
}

/** A task for a handler; `{broken: true}` is refused, `{away: true}` cannot be made now, `{unstorable: true}` no store can keep; `{own: 2}` has a key of its own. */
async function taskOf({ template, input }: Parameters<ReturnType<NonNullable<Evaluating["templates"]["task"]>["begin"]>>[0]) {
  if (template["away"] === true) throw new WindlassError("unavailable", "the registry does not answer");
  return {
    kind: "task",
    name: "greet",
    spec: { handler: "greet", ...(template["broken"] === true ? { broken: true } : {}) },
    input,
    executor: "handler",
    concurrency: concurrencyIn(template),
  } as const;
}

function concurrencyIn({ unstorable, own }: JsonObject): Concurrency | null {
  if (unstorable === true) return { key: "k", limit: 1e300 };
  return typeof own === "number" ? { key: "own", limit: own, onConflict: "skip" } : null;
}

export function nominalOf({ cause }: JobRecord): number {
  return cause.type === "schedule" ? cause.nominalAt : 0;
}

export function timeOf(instant: number): string {
  return new Date(instant).toISOString().slice(11, 19);
}

/** How many rows, and times that they stand for, were decided so. */
export function countedBy(rows: readonly Occurrence[]): Partial<Record<OccurrenceDecision, number>> {
  const counts: Partial<Record<OccurrenceDecision, number>> = {};
  for (const { decision, count } of rows) counts[decision] = (counts[decision] ?? 0) + count;
  return counts;
}
