/**
 * What becomes of the nominal times of a schedule that are due, and of those that wait: rows of the ledger, jobs to be made and
 * to be stopped, and the cursor behind it all. Pure; whoever dispatches makes the jobs and stores it as one (`Dispatch`).
 *
 * O1. Each time that is given has one row afterwards, or lies in one; of one that has its row already, nothing is decided.
 * O2. What waits starts before what is due later; nothing overtakes it.
 * O3. Nothing is left waiting while there is room for it: then the next look is at once.
 * O4. While what it runs is disabled, each time that would start, or have something make room for it, is skipped and says so. It
 *     stands in the way of no other, and so no row says that it waited, or was left out, because of one that never ran.
 * O5. A time of which it is known that no job can be made is given to start all the same, so that its row says so, and takes no room.
 *     Nothing makes room for it, and no other is left out for it, nor does it take a place among what waits. What waits is not asked
 *     for before its turn, though: a time of which nothing is known yet waits like any other.
 */
import type { DueTime, DueTimes, TimeSpan } from "./due-times.ts";
import { ON_TIME_MS } from "./due-times.ts";
import type { Occurrence, OccurrenceDecision, OccurrenceReason, Settlement } from "./occurrence.ts";
import { DISABLED_TIME, type OpenRun, type Schedule, type ScheduleCursor, type WaitingRun } from "./schedule-record.ts";

export interface ScheduleFacts {
  readonly cursor: ScheduleCursor;
  readonly due: DueTimes;
  /** Of the jobs in the cursor those that have not ended. */
  readonly alive: ReadonlySet<string>;
  /** Why nothing that it runs is taken; left out: it is, as far as is known. */
  readonly disabled?: string | undefined;
  /** Nominal times of which no job can be made, as far as is known. */
  readonly refused?: ReadonlySet<number> | undefined;
}

/** A job to be made. */
export interface Start {
  readonly nominalAt: number;
  readonly dueAt: number;
  readonly isLate: boolean;
  /** It waited: its row is there. */
  readonly waited: boolean;
  /** Not due yet: what runs then is not known, so its job asks when it begins. */
  readonly isAhead: boolean;
}

export interface DecidedOccurrences {
  readonly added: readonly Occurrence[];
  readonly settled: readonly Settlement[];
  readonly starts: readonly Start[];
  /** Jobs that are to make room. */
  readonly stops: readonly string[];
  /** Alive. */
  readonly running: readonly OpenRun[];
  /** Ended, of times behind `at`: so that they are not decided again (schedule-record.ts, L6). */
  readonly ended: readonly OpenRun[];
  readonly waiting: readonly WaitingRun[];
  readonly at: number;
  readonly nextAt: number | null;
}

/** What waits is looked at again after this, though no end was told: for what no transaction could tell of (a restored store). */
export const WAITING_REST_MS = 60_000;

export function decideOccurrences(
  schedule: Schedule,
  { cursor, due, alive, disabled, refused = NONE }: ScheduleFacts,
  now: number,
): DecidedOccurrences {
  const running = cursor.running.filter(({ jobId }) => alive.has(jobId));
  const decision = new Decision(schedule, { running, waiting: cursor.waiting, disabled, refused }, now);
  decision.startWaiting();
  for (const span of due.past) decision.leaveOut(span, { decision: "missed", reason: whyMissed(schedule, span.to, now) });
  for (const span of due.pastExcluded) decision.leaveOut(span, { decision: "skipped", reason: "excluded" });
  for (const group of grouped(judge(schedule, due.times, now))) {
    if (group.becomes === "start") for (const time of group.times) decision.due(time);
    else if (group.becomes !== "decided") decision.leaveOut(spanOfTimes(group.times), group.becomes);
  }
  const ended = cursor.running.filter(({ jobId, nominalAt }) => nominalAt > due.upTo && !alive.has(jobId));
  return { ...decision.made(due), ended };
}

const NONE: ReadonlySet<number> = new Set();

/** The time that takes the place of others: of what runs, or of what is coalesced into it; null: none does. Its job is worth a look first. */
export function replacementOf({ stops, waiting, added, settled }: DecidedOccurrences): WaitingRun | null {
  const takesPlace = stops.length > 0 || [...added, ...settled].some(({ decision }) => decision === "coalesced");
  return takesPlace ? (waiting.at(-1) ?? null) : null;
}

type Row = Pick<Occurrence, "decision" | "reason">;

interface Given {
  readonly running: readonly OpenRun[];
  readonly waiting: readonly WaitingRun[];
  readonly disabled: string | undefined;
  readonly refused: ReadonlySet<number>;
}

class Decision {
  readonly #schedule: Schedule;
  readonly #now: number;
  readonly #added: Occurrence[] = [];
  readonly #settled: Settlement[] = [];
  readonly #starts: Start[] = [];
  readonly #stops: string[] = [];
  readonly #running: readonly OpenRun[];
  /** See O4. */
  readonly #disabled: string | undefined;
  /** See O5. */
  readonly #refused: ReadonlySet<number>;
  #waiting: readonly WaitingRun[];

  constructor(schedule: Schedule, { running, waiting, disabled, refused }: Given, now: number) {
    this.#schedule = schedule;
    this.#now = now;
    this.#running = running;
    this.#waiting = waiting;
    this.#disabled = disabled;
    this.#refused = refused;
  }

  /** Keeps O2: as many of those that wait as there is room for, oldest first. */
  startWaiting(): void {
    const left: WaitingRun[] = [];
    for (const time of this.#waiting) {
      const isNext = left.length === 0 && this.#hasRoom();
      if (!isNext && !this.#takesNoPlace(time.nominalAt)) left.push(time);
      else if (this.#disabled === undefined) this.#starts.push({ ...time, waited: true, isAhead: false });
      else this.#settled.push({ ...DISABLED_TIME, ...settledOf(time, this.#now), message: this.#disabled });
    }
    this.#waiting = left;
  }

  due({ nominalAt, dueAt }: DueTime): void {
    const time = { nominalAt, dueAt, isLate: this.#now - dueAt >= ON_TIME_MS };
    const { policy, limit } = this.#schedule.overlap;
    if (this.#isDisabled(dueAt > this.#now)) this.#added.push({ ...this.#row(time, DISABLED_TIME), message: this.#disabled ?? null });
    else if (dueAt > this.#now) this.#starts.push({ ...time, waited: false, isAhead: true });
    else if ((this.#waiting.length === 0 && this.#hasRoom()) || this.#takesNoPlace(nominalAt))
      this.#starts.push({ ...time, waited: false, isAhead: false });
    else if (policy === "forbid") this.#add(time, { decision: "skipped", reason: "predecessor_running" });
    else if (policy === "allow") this.#add(time, { decision: "skipped", reason: "overlap_limit" });
    else if (policy === "queue" && this.#waiting.length >= limit) this.#add(time, { decision: "skipped", reason: "queue_full" });
    else this.#wait(time);
  }

  /** One row for all of a span. */
  leaveOut(span: TimeSpan | null, row: Row): void {
    if (span === null) return;
    this.#added.push({ ...this.#row({ nominalAt: span.from, dueAt: span.from }, row), lastAt: span.to, count: span.count });
  }

  made({ upTo, nextAt }: DueTimes): Omit<DecidedOccurrences, "ended"> {
    const rest = this.#waiting.length === 0 ? null : this.#now + (this.#hasRoom() ? 0 : WAITING_REST_MS);
    return {
      added: this.#added,
      settled: this.#settled,
      starts: this.#starts,
      stops: [...new Set(this.#stops)],
      running: this.#running,
      waiting: this.#waiting,
      at: upTo,
      nextAt: rest === null ? nextAt : Math.min(rest, nextAt ?? rest),
    };
  }

  #wait(time: WaitingRun): void {
    const { policy } = this.#schedule.overlap;
    if (policy === "queue") {
      this.#add(time, { decision: "queued", reason: "predecessor_running" });
      this.#waiting = [...this.#waiting, time];
      return;
    }
    for (const { nominalAt } of this.#waiting) this.#coalesce(nominalAt, time.nominalAt);
    if (policy === "replace") this.#stops.push(...this.#running.map(({ jobId }) => jobId));
    this.#add(time, { decision: "postponed", reason: policy === "replace" ? "replaces" : "predecessor_running" });
    this.#waiting = [time];
  }

  /** The row of one that was added in this very decision is not stored yet, and is changed as it stands. */
  #coalesce(nominalAt: number, intoAt: number): void {
    const row = { decision: "coalesced", reason: "newer", intoAt } as const;
    const at = this.#added.findIndex((one) => one.nominalAt === nominalAt && one.count === 1);
    const fresh = this.#added[at];
    if (fresh === undefined) this.#settled.push({ ...settledOf({ nominalAt }, this.#now), ...row });
    else this.#added[at] = { ...fresh, ...row };
  }

  /** Keeps O4. What is behind something that began before waits its turn, or is left out for it, as ever. */
  #isDisabled(isAhead: boolean): boolean {
    if (this.#disabled === undefined) return false;
    return isAhead || this.#schedule.overlap.policy === "replace" || (this.#waiting.length === 0 && this.#hasRoom());
  }

  /** Keeps O5 where something waits: in a queue, or in the place of others. */
  #takesNoPlace(nominalAt: number): boolean {
    const { policy } = this.#schedule.overlap;
    return policy !== "forbid" && policy !== "allow" && this.#refused.has(nominalAt);
  }

  #hasRoom(): boolean {
    const { policy, limit } = this.#schedule.overlap;
    const begun = this.#starts.filter(({ nominalAt }) => !this.#refused.has(nominalAt)).length;
    return this.#running.length + begun < (policy === "allow" ? limit : 1);
  }

  #add(time: Pick<DueTime, "nominalAt" | "dueAt">, row: Row): void {
    this.#added.push({ ...this.#row(time, row), behind: this.#running.at(-1)?.jobId ?? null });
  }

  #row({ nominalAt, dueAt }: Pick<DueTime, "nominalAt" | "dueAt">, row: Row): Occurrence {
    return occurrenceOf(this.#schedule, { nominalAt, dueAt, ...row }, this.#now);
  }
}

function settledOf({ nominalAt }: Pick<WaitingRun, "nominalAt">, settledAt: number): Omit<Settlement, "decision" | "reason"> {
  return { nominalAt, message: null, jobId: null, intoAt: null, settledAt };
}

/** A row of the clock for one nominal time, with nothing more to say. */
export function occurrenceOf(
  { id, workspace }: Pick<Schedule, "id" | "workspace">,
  { nominalAt, dueAt, decision, reason }: Pick<Occurrence, "nominalAt" | "dueAt" | "decision" | "reason">,
  now: number,
): Occurrence {
  return {
    scheduleId: id,
    workspace,
    nominalAt,
    lastAt: nominalAt,
    count: 1,
    origin: "schedule",
    run: "",
    dueAt,
    decision,
    reason,
    message: null,
    jobId: null,
    behind: null,
    intoAt: null,
    decidedAt: now,
    settledAt: null,
  };
}

/** What it is called once there is a job of it. */
export function startedAs({ isLate, waited }: Pick<Start, "isLate" | "waited">): Row {
  const decision: OccurrenceDecision = isLate ? "caught_up" : "fired";
  const reason: OccurrenceReason = waited ? "predecessor_ended" : isLate ? "late" : "due";
  return { decision, reason };
}

function whyMissed({ catchUp: { policy, windowMs } }: Pick<Schedule, "catchUp">, dueAt: number, now: number): OccurrenceReason {
  if (policy === "none") return "no_catch_up";
  if (now - dueAt > windowMs) return "outside_window";
  return policy === "latest" ? "newer_due" : "beyond_limit";
}

type Becomes = "start" | "decided" | Row;
interface Judged {
  readonly time: DueTime;
  readonly becomes: Becomes;
}

/** Which of them are to run at all: those that are due now, and of the late ones what `catch_up` wants. */
function judge({ catchUp }: Schedule, times: readonly DueTime[], now: number): Judged[] {
  const isLate = ({ dueAt }: DueTime): boolean => now - dueAt >= ON_TIME_MS;
  const wanted = times.filter(({ isExcluded, isDecided }) => !isExcluded && !isDecided);
  const onTime = wanted.filter((time) => !isLate(time)).length;
  const room = { none: 0, latest: onTime === 0 ? 1 : 0, all: Math.max(0, catchUp.limit - onTime) }[catchUp.policy];
  const inWindow = wanted.filter((time) => isLate(time) && now - time.dueAt <= catchUp.windowMs);
  const madeUpFor = new Set(room === 0 ? [] : inWindow.slice(-room));
  return times.map((time) => {
    if (time.isDecided) return { time, becomes: "decided" };
    if (time.isExcluded) return { time, becomes: { decision: "skipped", reason: "excluded" } };
    if (!isLate(time) || madeUpFor.has(time)) return { time, becomes: "start" };
    return { time, becomes: { decision: "missed", reason: whyMissed({ catchUp }, time.dueAt, now) } };
  });
}

/** Neighbours of which the same is said, together. */
function grouped(judged: readonly Judged[]): { readonly becomes: Becomes; readonly times: readonly DueTime[] }[] {
  const groups: { becomes: Becomes; times: DueTime[] }[] = [];
  for (const { time, becomes } of judged) {
    const last = groups.at(-1);
    if (last !== undefined && sameRow(last.becomes, becomes)) last.times.push(time);
    else groups.push({ becomes, times: [time] });
  }
  return groups;
}

function sameRow(a: Becomes, b: Becomes): boolean {
  return a === b || (typeof a === "object" && typeof b === "object" && a.reason === b.reason);
}

function spanOfTimes(times: readonly DueTime[]): TimeSpan | null {
  const [first, last] = [times[0], times.at(-1)];
  return first === undefined || last === undefined ? null : { from: first.nominalAt, to: last.nominalAt, count: times.length };
}
