/**
 * The jobs that a worker has: those that run, those that were read ahead and wait for a slot, and those whose end the
 * server has not answered yet.
 *
 * S1. No more handlers run at once than there are slots.
 * S2. A job that comes twice (the same attempt under the same fencing token) runs once. One that comes under another token while it
 *     runs has ended without its handler (it was completed from outside): that is told, and does not count any more.
 * S3. What waits for a slot has not begun: it is given back when the worker drains, when it is called back, or when it waited for too long.
 * S4. What is begun is held: a worker that was frozen looks first.
 * S5. Read ahead is only as much as was finished within a moment: a worker with slow handlers holds nothing back from others.
 */
import type { PushedJob } from "@windlass/contract";
import { seconds, type HandlerEnd, type Run, type StopOrder } from "@windlass/kernel";
import type { Machine } from "./worker-machine.ts";

export interface SlotsOptions {
  readonly concurrency: number;
  readonly machine: Machine;
  readonly run: (job: PushedJob) => Run;
  /** Whether the session may still be there; when it is not, all is abandoned before this returns. */
  readonly isHeld: () => boolean;
  /** Tells the server how a job ended; resolves once it has answered. */
  readonly tell: (job: PushedJob, end: HandlerEnd) => Promise<void>;
  /** What the server has not answered: how much, and how many characters of it. */
  readonly unanswered: () => { readonly size: number; readonly length: number };
  /** There is something new to say to the server: more room, a job that ended. */
  readonly changed: () => void;
}

interface Job {
  readonly job: PushedJob;
  readonly arrivedAt: number;
  run: Run | null;
  ended: boolean;
}

/** Within this time a server has refilled what was finished, also a busy one: so much is read ahead. */
const AHEAD_WINDOW_MS = 40;
/** Jobs that are read ahead at most: what a worker that is killed costs in attempts that never began. */
const AHEAD_MAX = 1_000;
/** How long a job may wait here for a slot, while another worker might have one. */
const AHEAD_WAIT_MS: number = seconds(1);
/** Ends that may wait for their answer before nothing more is asked for. */
const UNANSWERED_MAX = 2_000;
/** Their characters: as many as in some frames, which a server takes in one go. What runs then may still end, and adds to it. */
const UNANSWERED_LENGTH_MAX = 16_000_000;

export class WorkerSlots {
  readonly #options: SlotsOptions;
  /** By id. */
  readonly #jobs = new Map<string, Job>();
  readonly #pace: ReturnType<typeof finishedLately>;
  #waiting: Job[] = [];
  #running = 0;
  #received = 0;
  #draining = false;
  #cancelLook: (() => void) | null = null;

  constructor(options: SlotsOptions) {
    this.#options = options;
    this.#pace = finishedLately(options.machine);
  }

  /** Handlers that run now. */
  get running(): number {
    return this.#running;
  }

  /** Jobs that were pushed over this connection. */
  take(pushed: readonly PushedJob[]): void {
    this.#received += pushed.length;
    const arrivedAt = this.#options.machine.monotonic();
    for (const job of pushed) {
      const known = this.#jobs.get(job.id);
      if (known?.job.token === job.token) continue;
      if (known?.ended === false) this.#leave([known], "the attempt has ended without its handler, and the job begins again");
      const entry: Job = { job, arrivedAt, run: null, ended: false };
      this.#jobs.set(job.id, entry);
      if (this.#draining) this.#giveBack([entry]);
      else this.#waiting.push(entry);
    }
    this.#fill();
    this.#options.changed();
  }

  /** What the server may push over this connection in all, and of that what has a free slot. */
  credit(): { readonly jobs: number; readonly slots: number } {
    if (this.#draining) return { jobs: this.#received, slots: this.#received };
    const { concurrency, unanswered } = this.#options;
    const { size, length } = unanswered();
    const mayEnd = length >= UNANSWERED_LENGTH_MAX ? 0 : Math.max(0, UNANSWERED_MAX - size);
    const here = this.#running + this.#waiting.length;
    const free = Math.max(0, Math.min(concurrency - here, mayEnd));
    const ahead = Math.max(0, Math.min(concurrency + this.#pace.ahead() - here, mayEnd));
    return { jobs: this.#received + Math.max(free, ahead), slots: this.#received + free };
  }

  /** One of its jobs is to stop. */
  stop({ id, token }: { readonly id: string; readonly token: number }, order: StopOrder): void {
    const entry = this.#jobs.get(id);
    if (entry?.job.token !== token || entry.ended) return;
    if (entry.run !== null) return entry.run.stop(order);
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    this.#finish(entry, { type: "settle", result: { outcome: "cancelled", reason: order.reason, message: order.message }, stopped: true });
  }

  /** Gives back those of these that have not begun. */
  recall(jobs: readonly { readonly id: string; readonly token: number }[]): void {
    const tokens = new Map(jobs.map(({ id, token }) => [id, token]));
    const back = new Set(this.#waiting.filter(({ job }) => tokens.get(job.id) === job.token));
    this.#waiting = this.#waiting.filter((entry) => !back.has(entry));
    this.#giveBack([...back]);
  }

  /**
   * A new connection: counts anew; what the session does not hold any more is abandoned. Gives the ids of what it holds and
   * is not here.
   */
  align(held: readonly { readonly id: string; readonly token: number }[]): string[] {
    this.#received = 0;
    const tokens = new Map(held.map(({ id, token }) => [id, token]));
    this.#leave(
      this.#alive().filter(({ job }) => tokens.get(job.id) !== job.token),
      "the job was handed on while its worker was out of touch",
    );
    return held.filter(({ id, token }) => this.#jobs.get(id)?.job.token !== token).map(({ id }) => id);
  }

  /**
   * Of these, with their tokens, those that are not here. An attempt whose end was not answered yet may be the one before: who took it
   * for the one that is asked about would keep that from everybody.
   */
  unknown(ids: readonly string[], tokens?: readonly number[]): string[] {
    // An older server does not say them.
    return ids.filter((id, index) => (tokens === undefined ? !this.#jobs.has(id) : this.#jobs.get(id)?.job.token !== tokens[index]));
  }

  /** The session was lost with all that it held. */
  abandon(why: string): void {
    this.#leave(this.#alive(), why);
  }

  /** Takes nothing more and gives back what has not begun. */
  drain(): void {
    this.#draining = true;
    this.#cancelLook?.();
    const back = this.#waiting;
    this.#waiting = [];
    this.#giveBack(back);
    this.#options.changed();
  }

  /** Gives up what still runs. */
  giveUp(why: string): void {
    for (const { run } of this.#alive()) run?.giveUp(why);
  }

  #alive(): Job[] {
    return [...this.#jobs.values()].filter(({ ended }) => !ended);
  }

  #fill(): void {
    const { concurrency, machine, isHeld } = this.#options;
    // Looked at before each: the handler before it may have kept this program busy for longer than the session lives.
    while (this.#running < concurrency && this.#waiting.length > 0 && isHeld()) {
      const [entry] = this.#waiting.splice(0, 1);
      if (entry !== undefined) this.#begin(entry);
    }
    if (this.#waiting.length > 0) this.#cancelLook ??= machine.after(AHEAD_WAIT_MS, () => this.#look());
  }

  #begin(entry: Job): void {
    this.#running++;
    entry.run = this.#options.run(entry.job);
    void entry.run.ended.then((end) => {
      this.#running--;
      this.#pace.finished();
      this.#finish(entry, end);
      this.#fill();
      this.#options.changed();
    });
  }

  #finish(entry: Job, end: HandlerEnd | null): void {
    entry.ended = true;
    const forget = (): void => {
      if (this.#jobs.get(entry.job.id) === entry) this.#jobs.delete(entry.job.id);
    };
    if (end === null) forget();
    else void this.#options.tell(entry.job, end).then(forget);
  }

  #giveBack(entries: readonly Job[]): void {
    for (const entry of entries) this.#finish(entry, { type: "release" });
  }

  #look(): void {
    this.#cancelLook = null;
    const tooOld = this.#options.machine.monotonic() - AHEAD_WAIT_MS;
    const stale = this.#waiting.filter(({ arrivedAt }) => arrivedAt <= tooOld);
    this.#waiting = this.#waiting.filter(({ arrivedAt }) => arrivedAt > tooOld);
    if (stale.length > 0) this.#pace.forget();
    this.#giveBack(stale);
    this.#fill();
  }

  #leave(entries: readonly Job[], why: string): void {
    const left = new Set(entries);
    this.#waiting = this.#waiting.filter((entry) => !left.has(entry));
    for (const entry of entries) {
      if (entry.run === null) this.#finish(entry, null);
      else entry.run.abandon(why);
    }
  }
}

/** How many jobs may be read ahead: as many as were finished in the last full window, or in this one. */
function finishedLately(machine: Machine): { finished(): void; ahead(): number; forget(): void } {
  let [windowAt, current, last] = [machine.monotonic(), 0, 0];
  const turn = (): void => {
    const now = machine.monotonic();
    if (now - windowAt < AHEAD_WINDOW_MS) return;
    last = now - windowAt < 2 * AHEAD_WINDOW_MS ? current : 0;
    [windowAt, current] = [now, 0];
  };
  return {
    finished() {
      turn();
      current++;
    },
    ahead() {
      turn();
      return Math.min(AHEAD_MAX, Math.max(last, current));
    },
    forget() {
      [current, last] = [0, 0];
    },
  };
}
