/**
 * Tells the server what becomes of each Job: one at a time for each Job, and none waits for another's.
 *
 * D1. The end of a Job is told until the server has taken it, whatever is wrong meanwhile; what the server refuses for good is
 *     told in fewer words, and then noted as undelivered.
 * D2. What is told is always what is known at that moment: a failure leads to a new look, not to the same words again.
 * D3. A Job whose end was taken is told no more, also when it is listed again; by UID, for names come again.
 * D4. How its pods ended, where that is not known, is waited for while they cannot be watched, within limits: the Job alone says
 *     no exit code.
 * D5. An output that is promised is looked for only in a log that was read to its end. Such an end waits for it, within limits.
 */
import { messageOf, minutes, ms, seconds } from "@windlass/kernel";
import { classify, hasEnded, isOver, type Ended, type FactMemory, type Graces, type JobFacts, type Ongoing } from "@windlass/kubernetes";
import { OUTPUT_TAIL_BYTES } from "@windlass/ports";
import { accountOfEnd, accountOfNow, addresseeOf, barest, hasOutput, needsLog, newsOf } from "./account.ts";
import { atOnce } from "./at-once.ts";
import type { JobLogs } from "./job-logs.ts";
import { delayOf, type Machine } from "./machine.ts";
import { TakenEnds } from "./taken-ends.ts";
import type { Account, Addressee, CallbackAnswer, ServerLine, Told } from "./server-line.ts";

export interface JobDeskOptions {
  readonly memory: FactMemory;
  readonly line: ServerLine;
  readonly graces: Graces;
  readonly machine: Machine;
  readonly logs: JobLogs;
  /** Whether what becomes of the pods of this namespace is heard of at this moment. */
  readonly podsAreCurrent: (namespace: string) => boolean;
}

/** How the pods of a Job ended may come after the Job's own end: they are watched apart. */
const LATE_MS: number = seconds(2);
/** The same while their watch is cut (D4). It is looked at again in between: nobody tells that it goes on. */
const CUT_MS: number = minutes(2);
const LOOK_MS: number = seconds(1);
/** The last of its logs before its end, if they come soon: who waits for the end reads them then. */
const LOGS_MS: number = seconds(3);
/** For the log that an output is promised in: a node that does not answer may do so when it is back, and somebody waits for the step. */
const OUTPUT_MS: number = minutes(5);
/** What goes on and changes quickly is told once. */
const GATHER_MS: number = seconds(1);
/** One that ended longer ago than this was most likely told by whoever was here before: nobody waits for what it printed. */
const OLD_MS: number = seconds(60);
/** Told at once; more wait. */
const TELLING_MAX = 48;
const RECHECK_MS_MIN: number = ms(50);

/** What is done about one Job. */
interface Desk {
  isTelling: boolean;
  isTouched: boolean;
  /** Tries to tell of it as it goes on, and of its end, that the server did not take. */
  failures: number;
  endFailures: number;
  /** Looks at it, one after the other, that failed for a fault of ours. */
  faults: number;
  /** What was told last of one that goes on. */
  news: string;
  /** Since when (monotonic) its end is known, or news wait. */
  endSince: number | null;
  newsSince: number | null;
  cancel: () => void;
}

interface Subject {
  readonly uid: string;
  readonly desk: Desk;
  readonly facts: JobFacts;
  readonly to: Addressee;
}

export class JobDesk {
  readonly #options: JobDeskOptions;
  readonly #desks = new Map<string, Desk>();
  readonly #taken: TakenEnds;
  readonly #telling = new Set<Promise<void>>();
  readonly #turn = atOnce(TELLING_MAX);
  /** Namespaces; empty: all of the cluster. */
  readonly #open = new Set<string>();

  constructor(options: JobDeskOptions) {
    this.#options = options;
    this.#taken = new TakenEnds((uid) => options.memory.facts(uid) !== null);
  }

  /** Ends that the server has not taken though it was told. */
  get undelivered(): number {
    return [...this.#desks.values()].filter(({ endSince, endFailures }) => endSince !== null && endFailures > 0).length;
  }

  /** From now on there is something to tell of this namespace: before, not all of it was listed. Empty: of all of them. */
  open(namespace: string): void {
    this.#open.add(namespace);
    for (const uid of this.#options.memory.jobs()) this.touch(uid);
  }

  /** Something was learned of it. */
  touch(uid: string): void {
    const { machine } = this.#options;
    if (machine.signal.aborted || !this.#mayTell(uid)) return;
    const desk = this.#desks.get(uid) ?? newDesk();
    this.#desks.set(uid, desk);
    desk.isTouched = true;
    if (desk.isTelling) return;
    desk.isTelling = true;
    const work = this.#look(uid, desk).finally(() => this.#telling.delete(work));
    this.#telling.add(work);
  }

  /** Resolves when nothing is being told any more. */
  async settled(): Promise<void> {
    for (const desk of this.#desks.values()) desk.cancel();
    await Promise.allSettled(this.#telling);
  }

  #mayTell(uid: string): boolean {
    if (this.#open.has("") || this.#desks.has(uid)) return true;
    return this.#open.size > 0 && this.#open.has(this.#options.memory.facts(uid)?.job.namespace ?? "");
  }

  async #look(uid: string, desk: Desk): Promise<void> {
    const { memory, machine } = this.#options;
    try {
      while (desk.isTouched && !machine.signal.aborted) {
        desk.isTouched = false;
        desk.cancel();
        const facts = memory.facts(uid);
        if (facts === null) return void this.#desks.delete(uid);
        const to = addresseeOf(facts.job);
        if (to === null) this.#unaddressed(uid, desk, facts);
        else await this.#lookAt({ uid, desk, facts, to });
        desk.faults = 0;
      }
    } catch (error) {
      desk.faults++;
      machine.logger.error("a Job could not be looked at; it is looked at again", { uid, error: messageOf(error), faults: desk.faults });
      this.#lookAfter(uid, desk, delayOf(desk.faults, machine));
    } finally {
      // In the same step as the last look at `isTouched`: a touch in between would be nobody's.
      desk.isTelling = false;
    }
  }

  async #lookAt(subject: Subject): Promise<void> {
    const { logs, graces, machine } = this.#options;
    const { uid, desk, facts, to } = subject;
    const now = machine.clock.now();
    const verdict = classify(facts, now, graces);
    const isTaken = this.#taken.has(uid);
    const isOld = verdict.isFinal && verdict.endedAt !== null && now - verdict.endedAt > OLD_MS && desk.endSince === null;
    // Also of one that was told by whoever was here before: its logs may have been under way. What the server has costs one read.
    if ("id" in to) logs.look(facts, { to, outputBytes: hasOutput(facts) ? OUTPUT_TAIL_BYTES : 0 });
    if (isTaken) {
      if (facts.job.gone !== null && facts.pods.every(isOver) && logs.isDone(uid)) this.#drop(uid);
      return;
    }
    if (verdict.isFinal) await this.#tellEnd(subject, verdict, isOld);
    else await this.#tellNow(subject, verdict);
  }

  async #tellEnd(subject: Subject, verdict: Ended, isOld: boolean): Promise<void> {
    const { line, logs, machine } = this.#options;
    const { uid, desk, facts, to } = subject;
    desk.endSince ??= machine.clock.monotonic();
    const waited = machine.clock.monotonic() - desk.endSince;
    const dueMs = this.#dueMs(subject, verdict, isOld);
    if (waited < dueMs) return this.#lookAfter(uid, desk, dueMs === CUT_MS ? LOOK_MS : dueMs - waited);
    const account = accountOfEnd(facts, verdict, logs.tail(uid));
    const first = await this.#inTurn(() => line.tell(to, account));
    const told = first.is === "refused" ? await this.#inTurn(() => line.tell(to, barest(account))) : first;
    if (first.is === "refused")
      machine.logger.error("the server does not take the whole of an end", { name: facts.job.name, why: first.why });
    if (told.is === "failed") return this.#again(uid, desk, told);
    if (told.is === "refused" && !(await this.#note(subject, account, told.why))) return;
    this.#end(subject, verdict, told);
  }

  /** How long after its end was known it is told at the latest (D4, D5). */
  #dueMs({ uid, desk, facts }: Subject, verdict: Ended, isOld: boolean): number {
    const { logs, podsAreCurrent } = this.#options;
    if (isIncomplete(facts) && !podsAreCurrent(facts.job.namespace)) return CUT_MS;
    if (needsLog(facts, verdict) && logs.isReading(uid)) return OUTPUT_MS;
    if (isOld || desk.endFailures > 0) return 0;
    if (isIncomplete(facts)) return LATE_MS;
    return logs.isDone(uid) ? 0 : LOGS_MS;
  }

  #end({ uid, desk, facts }: Subject, verdict: Ended, told: Exclude<Told<CallbackAnswer>, { readonly is: "failed" }>): void {
    const { logger, metrics, clock } = this.#options.machine;
    this.#taken.add(uid);
    desk.endFailures = 0;
    const { outcome, reason, endedAt } = verdict;
    const result = told.is === "refused" ? "refused" : RESULT[told.answer.status];
    metrics.posted("end", result);
    if (result === "accepted") metrics.taken((clock.now() - (endedAt ?? clock.now())) / 1000);
    const why = told.is === "refused" ? told.why : told.answer.reason;
    logger.info("an end was told", { name: facts.job.name, outcome, reason, result, ...(why === undefined ? {} : { why }) });
    desk.isTouched = true;
  }

  /** Tells that it cannot be told. False: not even that. */
  async #note({ uid, desk, facts, to }: Subject, { state }: Account, why: string): Promise<boolean> {
    const { line, machine } = this.#options;
    const { name: jobName, uid: jobUid, namespace } = facts.job;
    const letter = { ...to, jobName, jobUid, namespace, state, why: why.slice(0, 1_000) };
    const told = await this.#inTurn(() => line.tellUndelivered(letter));
    if (told.is === "failed") this.#again(uid, desk, told);
    else machine.logger.error("an end cannot be delivered", letter);
    return told.is !== "failed";
  }

  #again(
    uid: string,
    desk: Desk,
    { why, afterMs, isDenied }: { readonly why: string; readonly afterMs: number; readonly isDenied?: boolean },
  ): void {
    const { machine } = this.#options;
    desk.endFailures++;
    machine.metrics.posted("end", isDenied === true ? "denied" : "failed");
    if (desk.endFailures === 1 || desk.endFailures % 20 === 0)
      machine.logger.warn("the server did not take an end; it is told again", { uid, why, failures: desk.endFailures });
    this.#lookAfter(uid, desk, Math.max(afterMs, delayOf(desk.endFailures, machine)));
  }

  async #tellNow({ uid, desk, facts, to }: Subject, verdict: Ongoing): Promise<void> {
    const { line, machine } = this.#options;
    desk.endSince = null;
    const account = accountOfNow(facts, verdict);
    const news = newsOf(account);
    if (desk.news !== news && (verdict.state === "running" || verdict.reason !== null)) {
      desk.newsSince ??= machine.clock.monotonic();
      const waited = machine.clock.monotonic() - desk.newsSince;
      if (waited < GATHER_MS) return this.#lookAfter(uid, desk, GATHER_MS - waited);
      desk.newsSince = null;
      const told = await this.#inTurn(() => line.tell(to, account));
      if (told.is === "failed") {
        machine.metrics.posted("fact", told.isDenied === true ? "denied" : "failed");
        return this.#lookAfter(uid, desk, Math.max(told.afterMs, delayOf(++desk.failures, machine)));
      }
      desk.failures = 0;
      // Also of one that is refused, or fits nothing: to say it again would not help.
      desk.news = news;
      machine.metrics.posted("fact", told.is === "refused" ? "refused" : RESULT[told.answer.status]);
    }
    if (verdict.recheckAt !== null) this.#lookAfter(uid, desk, Math.max(RECHECK_MS_MIN, verdict.recheckAt - machine.clock.now()));
  }

  #unaddressed(uid: string, desk: Desk, { job }: JobFacts): void {
    const { logger } = this.#options.machine;
    if (desk.news === "")
      logger.warn("a Job has our label, and does not say of which job it is", { name: job.name, namespace: job.namespace });
    desk.news = "unaddressed";
    if (job.gone !== null) this.#drop(uid);
  }

  #lookAfter(uid: string, desk: Desk, delayMs: number): void {
    desk.cancel();
    if (this.#options.machine.signal.aborted) return;
    desk.cancel = this.#options.machine.clock.after(Math.max(0, delayMs), () => this.touch(uid));
  }

  #drop(uid: string): void {
    this.#desks.get(uid)?.cancel();
    this.#desks.delete(uid);
    this.#options.memory.forget(uid);
    this.#options.logs.forget(uid);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const leave = await this.#turn();
    try {
      return await work();
    } finally {
      leave();
    }
  }
}

const RESULT = { accepted_in_flight: "accepted", accepted_duplicate: "duplicate", accepted_stale: "stale" } as const;

function newDesk(): Desk {
  return {
    isTelling: false,
    isTouched: false,
    failures: 0,
    endFailures: 0,
    faults: 0,
    news: "",
    endSince: null,
    newsSince: null,
    cancel: () => {},
  };
}

/** The Job says that it ended, and of its pods that is not known yet. */
function isIncomplete({ job, pods }: JobFacts): boolean {
  const saysSo = job.conditions.some(({ type }) => type === "Failed" || type === "Complete" || type === "SuccessCriteriaMet");
  return saysSo && job.gone === null && !pods.some((pod) => hasEnded(pod) || pod.goneAt !== null);
}
