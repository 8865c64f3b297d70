/**
 * Schedules over a long time, from one seed: dispatchers that come early, late, twice, at once or not for days, on a store that
 * fails and loses replies; jobs that end at any moment; people who change, pause and resume. At the end every time has one account.
 */
import { engineContext, localBus, type EngineContext } from "@windlass/engine";
import { DEFAULT_CATCH_UP, type CatchUp, type Occurrence, type Overlap, type Schedule, type Timing } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { dispatchOnce, fireTimes, schedules, type Evaluating, type ScheduleRequest } from "@windlass/schedules";
import { openSqliteStore } from "@windlass/sqlite";
import { fakeClock, memoryLogs, quietLogger, seededRandom, type FakeClock, type SeededRandom } from "@windlass/testkit/fakes";
import { CALM, simulatedProcess, type FaultRates } from "./faults.ts";
import { taskKind } from "./graph-kind.ts";

export interface ScheduleScenario {
  readonly seed: number;
  readonly timezone: string;
  readonly days: number;
  /** Where it begins. */
  readonly start: string;
}

export interface ScheduleFigures {
  /** Nominal times that came, over all schedules. */
  readonly times: number;
  readonly jobs: number;
  readonly passes: number;
}

/** What a schedule was from a moment on. */
interface Epoch {
  readonly from: number;
  readonly timing: Timing;
}

interface Kept {
  readonly name: string;
  readonly overlap: Overlap;
  readonly epochs: Epoch[];
}

interface World {
  readonly scenario: ScheduleScenario;
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  /** As it is, without faults. */
  readonly store: Store;
  readonly dispatchers: readonly Evaluating[];
  readonly calm: Evaluating;
  readonly kept: readonly Kept[];
}

const HOUR_MS = 3_600_000;
const OVERLAPS: readonly Overlap[] = [
  { policy: "forbid", limit: 1 },
  { policy: "postpone", limit: 1 },
  { policy: "queue", limit: 3 },
  { policy: "replace", limit: 1 },
  { policy: "allow", limit: 3 },
];
/** Times that do not exist or come twice, some that are frequent, and one that meets no whole hour. */
const CRONS: readonly (readonly string[])[] = [["30 2 * * *"], ["30 1 * * *", "0 14 * * 1-5"], ["0 */2 * * *"], ["15 0 1,15 * *"]];
const EVERY_MS = 25 * HOUR_MS;

export async function runSchedules(scenario: ScheduleScenario): Promise<ScheduleFigures> {
  const { world, close, setRates } = await openWorld(scenario);
  try {
    setRates({ failing: 0.03, losing: 0.03, delayMsMax: 0 });
    const end = world.clock.now() + scenario.days * 24 * HOUR_MS;
    let passes = 0;
    for (; world.clock.now() < end; passes++) {
      world.clock.jump(await passing(world));
      await disturb(world);
      await nothingIsForgotten(world);
    }
    setRates(CALM);
    return { ...(await comeToRest(world)), passes };
  } catch (error) {
    throw error instanceof Error ? new Error(`seed ${scenario.seed}: ${error.message}`, { cause: error }) : error;
  } finally {
    await close();
  }
}

async function openWorld(
  scenario: ScheduleScenario,
): Promise<{ world: World; close: () => Promise<void>; setRates: (next: FaultRates) => void }> {
  const clock = fakeClock(Date.parse(scenario.start));
  const random = seededRandom(scenario.seed);
  const store = await openSqliteStore({ path: ":memory:", clock });
  let rates = CALM;
  const evaluating = (on: Store): Evaluating => ({ context: contextOf(on, { clock, random }), fire: fireTimes, templates: TEMPLATES });
  const processes = [0, 1].map(() => simulatedProcess({ store, clock, random, rates: () => rates }));
  const calm = evaluating(store);
  const kept: Kept[] = [];
  for (const [i, overlap] of OVERLAPS.entries()) {
    const name = overlap.policy;
    const cron = CRONS[i] ?? [];
    const timing = {
      cron,
      everyMs: cron.length === 0 ? EVERY_MS : null,
      anchor: 0,
      timezone: scenario.timezone,
      jitterMs: random.pick([0, 0, 600_000]),
      ...OPEN,
    };
    await schedules(calm).put(requestOf(name, { overlap, timing, catchUp: catchUpOf(random) }), "simulation");
    kept.push({ name, overlap, epochs: [{ from: clock.now(), timing }] });
  }
  await store.sessions.open({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
  const world = { scenario, clock, random, store, dispatchers: processes.map((process) => evaluating(process.store)), calm, kept };
  return { world, close: () => store.close(), setRates: (next) => void (rates = next) };
}

const OPEN = { startsAt: null, endsAt: null, exclude: [] };
const TEMPLATES: Evaluating["templates"] = {
  task: { begin: () => async () => ({ kind: "task", name: "work", spec: {}, executor: "handler" }) },
};

function contextOf(store: Store, { clock, random }: { readonly clock: FakeClock; readonly random: SeededRandom }): EngineContext {
  const logger = quietLogger();
  return engineContext({ store, clock, random, logger, bus: localBus(), logs: memoryLogs(), sha256: (text) => text, kinds: [taskKind] });
}

function requestOf(name: string, more: Pick<Schedule, "overlap" | "timing" | "catchUp">): ScheduleRequest {
  return { workspace: "default", name, template: { kind: "task" }, input: null, labels: {}, ...more };
}

function catchUpOf(random: SeededRandom): CatchUp {
  return {
    ...DEFAULT_CATCH_UP,
    policy: random.pick(["none", "latest", "all"]),
    windowMs: random.pick([0, 1, 30]) * HOUR_MS,
    limit: 1 + random.int(5),
  };
}

/** Mostly until something is due, some seconds late; now and then for hours, and seldom for days. */
async function passing({ random, store, clock }: World): Promise<number> {
  const roll = random.next();
  if (roll < 0.03) return random.int(5 * 24) * HOUR_MS;
  if (roll < 0.35) return random.int(9 * HOUR_MS);
  const next = await store.schedules.nextDue();
  return Math.max(0, (next ?? clock.now() + HOUR_MS) - clock.now() - 1_000 + random.int(90_000));
}

/** What happens at one moment happens at once: passes, ends of jobs, and what a person does. */
async function disturb(world: World): Promise<void> {
  const { random, dispatchers } = world;
  const work: Promise<unknown>[] = dispatchers.slice(0, 1 + random.int(2)).map((one) => dispatchOnce(one, { aheadMs: 0 }));
  if (random.chance(0.6)) work.push(endSome(world));
  if (random.chance(0.02)) work.push(changeOne(world));
  if (random.chance(0.02)) work.push(pauseOne(world));
  await Promise.allSettled(work);
}

async function endSome({ random, store, clock, calm }: World): Promise<void> {
  await store.jobs.claim({ executor: "handler", session: "ses_1", place: null, limit: 50, now: clock.now() });
  for (const live of await store.jobs.live({ states: ["running", "stopping"] }, 50)) {
    if (live.state === "running" && random.chance(0.4)) continue;
    const result = { outcome: "succeeded", reason: "ok", message: null } as const;
    const by = { type: "holder", token: live.token } as const;
    await calm.context.commit([
      { type: "settle", id: live.id, attempt: live.attempt, by, result, stopped: live.state === "stopping", random: 0 },
    ]);
  }
}

async function changeOne({ random, calm, clock, kept, scenario }: World): Promise<void> {
  const { name, epochs } = random.pick(kept);
  const { schedule } = await schedules(calm).get({ workspace: "default", name });
  const timing = { ...schedule.timing, timezone: random.pick([scenario.timezone, "UTC"]), jitterMs: random.pick([0, 600_000]) };
  await schedules(calm).put(requestOf(name, { ...schedule, timing, catchUp: catchUpOf(random) }), "simulation");
  epochs.push({ from: clock.now(), timing });
}

async function pauseOne({ random, calm, kept }: World): Promise<void> {
  const named = { workspace: "default", name: random.pick(kept).name };
  if (random.chance(0.4)) await schedules(calm).pause(named, "simulation", null);
  else for (const { name } of kept) await schedules(calm).resume({ ...named, name }, "simulation");
}

/** At every moment: no more runs than may, and what waits with nothing before it is due. */
async function nothingIsForgotten({ store, clock, kept }: World): Promise<void> {
  for (const { name, overlap } of kept) {
    const view = await store.schedules.get("default", name);
    if (view === null) throw new Error(`${name} is gone`);
    const { cursor, alive } = view;
    if (alive.length > (overlap.policy === "allow" ? overlap.limit : 1)) throw new Error(`${name}: ${alive.length} jobs are alive`);
    if (cursor.waiting.length > 0 && alive.length === 0 && (cursor.nextAt === null || cursor.nextAt > clock.now()))
      throw new Error(`${name}: what waits since ${timeOf(cursor.waiting[0]?.nominalAt ?? 0)} is looked at by nobody`);
  }
}

async function comeToRest(world: World): Promise<Pick<ScheduleFigures, "times" | "jobs">> {
  const { clock, calm, kept, store } = world;
  for (const { name } of kept) await schedules(calm).resume({ workspace: "default", name }, "simulation");
  for (let left = 200; left > 0; left--) {
    await dispatchOnce(calm, { aheadMs: 0 });
    await endSome(world);
  }
  const made = await madeJobs(world);
  const jobs = made.size;
  let times = 0;
  for (const { name, epochs } of kept) {
    const view = await store.schedules.get("default", name);
    if (view === null) throw new Error(`${name} is gone`);
    if (view.cursor.waiting.length > 0) throw new Error(`${name}: something waits for ever`);
    const rows = await rowsOf(world, view.schedule.id);
    const expected = expectedOf(epochs, Math.min(clock.now(), view.cursor.at));
    accountsFor(name, { rows, expected });
    const fired = rows.filter(({ jobId }) => jobId !== null);
    for (const { jobId, nominalAt } of fired)
      if (made.get(jobId ?? "") !== nominalAt) throw new Error(`${name}: the job of ${timeOf(nominalAt)} is not there`);
    times += expected.length;
    for (const { jobId } of fired) made.delete(jobId ?? "");
  }
  if (made.size > 0) throw new Error(`${made.size} jobs belong to no row, such as ${[...made.keys()][0]}`);
  return { times, jobs };
}

/** The nominal time of each job that was ever made. */
async function madeJobs({ store }: World): Promise<Map<string, number>> {
  const made = new Map<string, number>();
  for (let after: string | undefined; ;) {
    const page = await store.reads.list({ workspace: "default", order: "oldest", limit: 500, ...(after === undefined ? {} : { after }) });
    for (const { record } of page) made.set(record.id, record.cause.type === "schedule" ? record.cause.nominalAt : 0);
    after = page.at(-1)?.record.id;
    if (page.length < 500) return made;
  }
}

async function rowsOf({ store }: World, scheduleId: string): Promise<Occurrence[]> {
  const rows: Occurrence[] = [];
  for (;;) {
    const last = rows.at(-1);
    const page = await store.schedules.history({ scheduleId, limit: 1_000, ...(last === undefined ? {} : { after: last }) });
    rows.push(...page);
    if (page.length < 1_000) return rows.toReversed();
  }
}

/** All times that its timings said, each from when it was so until the next was. */
function expectedOf(epochs: readonly Epoch[], until: number): number[] {
  return epochs.flatMap(({ from, timing }, i) => {
    const end = Math.min(until, epochs[i + 1]?.from ?? until);
    return end <= from ? [] : fireTimes.firesBetween(timing, { after: from, until: end, limit: 1_000_000 }).times;
  });
}

/** Going through both in order: each time is the next single row, or lies in the next span. */
function accountsFor(
  name: string,
  { rows, expected }: { readonly rows: readonly Occurrence[]; readonly expected: readonly number[] },
): void {
  let next = 0;
  for (const { nominalAt, lastAt, count, decision } of rows) {
    const own = expected.slice(next, next + count);
    if (own[0] !== nominalAt || own.at(-1) !== lastAt || own.length !== count)
      throw new Error(`${name}: the row ${decision} of ${timeOf(nominalAt)} ×${count} stands where ${timeOf(own[0] ?? 0)} was to come`);
    next += count;
  }
  if (next !== expected.length)
    throw new Error(`${name}: ${expected.length - next} times have no row, the first is ${timeOf(expected[next] ?? 0)}`);
}

function timeOf(instant: number): string {
  return new Date(instant).toISOString();
}
