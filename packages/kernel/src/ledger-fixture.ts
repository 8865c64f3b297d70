/**
 * A dispatcher, a ledger and jobs, all in memory, for tests of what is decided about occurrences; and the same decisions made
 * slowly and plainly, minute by minute.
 */
import { assert } from "./assert.ts";
import { decideOccurrences, replacementOf, type DecidedOccurrences } from "./decide-occurrences.ts";
import { dispatchOf } from "./dispatch.ts";
import { dueTimes, ON_TIME_MS } from "./due-times.ts";
import { plainTimes as fire, plainTiming } from "./fire-times-fixture.ts";
import type { JobRecord } from "./job.ts";
import { isWaiting, type Occurrence } from "./occurrence.ts";
import { cursorAfter, nextLookAfterEnd, type CatchUp, type Overlap, type Schedule, type ScheduleCursor } from "./schedule-record.ts";

export const MINUTE = 60_000;

/** Fires each minute. */
export function scheduleOf(overlap: Overlap, catchUp: CatchUp, exclude: readonly string[] = []): Schedule {
  return {
    ...{ id: "sch_1", workspace: "default", name: "s", timing: { ...plainTiming, exclude }, overlap, catchUp },
    ...{ template: { kind: "task" }, input: null, labels: {}, paused: false, pausedBy: null, pausedAt: null, pausedReason: null },
    ...{ source: null, createdBy: "ann", createdAt: 0, changedBy: "ann", changedAt: 0, revision: 1, mayCommand: true },
  };
}

/** A dispatcher, a ledger and jobs that end when they are told to, all in memory. */
export class World {
  cursor: ScheduleCursor = { scheduleId: "sch_1", at: 0, nextAt: 0, running: [], waiting: [], failing: null, wakes: 0, revision: 1 };
  readonly rows = new Map<number, Occurrence>();
  /** Each with when it began. */
  readonly alive = new Map<string, number>();
  /** In the order in which they began. */
  readonly began: number[] = [];
  aliveMax = 0;
  #stopping: string[] = [];
  readonly schedule: Schedule;

  constructor(schedule: Schedule) {
    this.schedule = schedule;
  }

  /** `anew`: decided again, as a dispatcher does, where no job can be made of a time that it asks for. */
  look(now: number, refuse: (nominalAt: number) => boolean = () => false, anew = false): DecidedOccurrences {
    const due = dueTimes(this.schedule, { at: this.cursor.at, now, fire });
    const facts = { cursor: this.cursor, due, alive: new Set(this.alive.keys()) };
    let decided = decideOccurrences(this.schedule, facts, now);
    const asked = [...decided.starts, ...[replacementOf(decided) ?? []].flat()];
    if (anew && asked.some(({ nominalAt }) => refuse(nominalAt))) {
      const times = [...this.cursor.waiting, ...due.times].map(({ nominalAt }) => nominalAt);
      decided = decideOccurrences(this.schedule, { ...facts, refused: new Set(times.filter((time) => refuse(time))) }, now);
    }
    const made = decided.starts.map(({ nominalAt }) =>
      refuse(nominalAt) ? { refused: "no" } : { submit: { type: "submit" as const, job: { id: `job_${nominalAt}` } as JobRecord } },
    );
    const dispatch = dispatchOf({ schedule: this.schedule, cursor: this.cursor, decided }, made, now);
    for (const row of dispatch.added) {
      assert(!this.rows.has(row.nominalAt), `a second row for ${row.nominalAt}`);
      this.rows.set(row.nominalAt, row);
    }
    for (const { nominalAt, ...end } of dispatch.settled) {
      const row = this.rows.get(nominalAt) as Occurrence;
      assert(isWaiting(row), `what was settled was ${row.decision}`);
      this.rows.set(nominalAt, { ...row, ...end });
    }
    for (const change of dispatch.changes) {
      if (change.type === "stop") this.#stopping.push(change.id);
      if (change.type === "submit") {
        const nominalAt = Number(change.job.id.slice(4));
        this.alive.set(change.job.id, now);
        this.began.push(nominalAt);
      }
    }
    this.aliveMax = Math.max(this.aliveMax, this.alive.size);
    this.cursor = cursorAfter(this.cursor, dispatch, now);
    return decided;
  }

  end(id: string, now: number): void {
    if (!this.alive.delete(id)) return;
    this.cursor = { ...this.cursor, wakes: this.cursor.wakes + 1, nextAt: nextLookAfterEnd(this.cursor, now) };
  }

  endStopped(now: number): void {
    for (const id of this.#stopping.splice(0)) this.end(id, now);
  }

  /** What is said of each minute that has come: of what was left out in one row for several, too. */
  said(until: number): string[] {
    const spans = [...this.rows.values()].filter(({ count }) => count > 1);
    return Array.from({ length: until / MINUTE }, (_, i) => {
      const minute = (i + 1) * MINUTE;
      const single = this.rows.get(minute);
      const own = spans.filter((row) => row.nominalAt <= minute && minute <= row.lastAt);
      if (single !== undefined && single.count === 1) own.push(single);
      const excluded = this.schedule.timing.exclude.some((text) => minute % Number(text) === 0);
      const rows = own.filter((row) => own.length === 1 || (row.reason === "excluded") === excluded);
      assert(rows.length === 1, `minute ${i + 1} has ${rows.length} rows`);
      return rows[0]?.decision ?? "";
    });
  }
}

/** Slow and plain: each minute by itself, from what is alive and waits. What a bounded list and spans must come to as well. */
export function plainDecisions(world: World, now: number, refuse: (minute: number) => boolean = () => false): Map<number, string> {
  const { said, asked } = plainly(world, now, () => false);
  return asked.some((minute) => refuse(minute)) ? plainly(world, now, refuse).said : said;
}

interface Plain {
  readonly said: Map<number, string>;
  /** What a job is wanted of, or others make way for. */
  readonly asked: readonly number[];
}

/** `refuse`: as far as it is known. */
function plainly(world: World, now: number, refuse: (minute: number) => boolean): Plain {
  const { overlap, catchUp, timing } = world.schedule;
  const times: number[] = [];
  for (let minute = MINUTE; minute <= now; minute += MINUTE) if (minute > world.cursor.at) times.push(minute);
  const said = new Map<number, string>();
  const isExcluded = (minute: number): boolean => timing.exclude.some((text) => minute % Number(text) === 0);
  const isLate = (minute: number): boolean => now - minute >= ON_TIME_MS;
  const running = world.cursor.running.filter(({ jobId }) => world.alive.has(jobId)).length;
  const room = overlap.policy === "allow" ? overlap.limit : 1;
  let waiting = world.cursor.waiting.map(({ nominalAt, isLate: late }) => ({ nominalAt, late }));
  const asked: number[] = [];
  let starts = 0;
  const start = (minute: number, late: boolean): void => {
    asked.push(minute);
    said.set(minute, refuse(minute) ? "refused" : late ? "caught_up" : "fired");
    if (!refuse(minute)) starts++;
  };
  const mayWait = overlap.policy !== "forbid" && overlap.policy !== "allow";
  const before = waiting;
  waiting = [];
  for (const one of before) {
    if ((waiting.length === 0 && running + starts < room) || (mayWait && refuse(one.nominalAt))) start(one.nominalAt, one.late);
    else waiting.push(one);
  }
  let newest: number | undefined;
  const candidates = times.filter((minute) => !isExcluded(minute));
  const onTime = candidates.filter((minute) => !isLate(minute));
  const late = candidates.filter((minute) => isLate(minute) && now - minute <= catchUp.windowMs);
  const most =
    catchUp.policy === "none" ? 0 : catchUp.policy === "latest" ? (onTime.length > 0 ? 0 : 1) : Math.max(0, catchUp.limit - onTime.length);
  const wanted = new Set([...onTime, ...late.toReversed().slice(0, most)]);
  for (const minute of times) {
    if (isExcluded(minute)) said.set(minute, "skipped");
    else if (!wanted.has(minute)) said.set(minute, "missed");
    else if (waiting.length === 0 && running + starts < room) {
      start(minute, isLate(minute));
    } else if (mayWait && refuse(minute)) {
      said.set(minute, "refused");
    } else if (
      overlap.policy === "forbid" ||
      overlap.policy === "allow" ||
      (overlap.policy === "queue" && waiting.length >= overlap.limit)
    ) {
      said.set(minute, "skipped");
    } else {
      if (overlap.policy !== "queue") {
        if (waiting.length > 0 || (overlap.policy === "replace" && running > 0)) newest = minute;
        for (const one of waiting) said.set(one.nominalAt, "coalesced");
        waiting = [];
      }
      waiting.push({ nominalAt: minute, late: isLate(minute) });
      said.set(minute, overlap.policy === "queue" ? "queued" : "postponed");
    }
  }
  return { said, asked: newest === undefined ? asked : [...asked, newest] };
}
