/**
 * What the writer thread does with what it is sent: all writes, in the order in which they came, in as few transactions as possible.
 *
 * W1. A reply is sent when the disk has what it tells of (S1; flushing.ts). What comes meanwhile shares the transaction, or
 *     the next one. Of calls that make many jobs the next one: who asked for the first is answered meanwhile, and asks again, so that
 *     neither waits for the other.
 * W2. When a shared transaction fails, each of its calls is run again in one of its own, so that no call fails by another's fault.
 * W3. No beat is sent while the event loop stands still: its sessions run out, and what they hold may be taken over.
 * W5. However much comes: between two transactions the beats that are due are sent and who looks is answered, and after a while
 *     nothing more is taken, so that the thread's own event loop has its turn. Who looks sees what was asked for before.
 */
import type { Database } from "./database.ts";
import type { Commits, Flushing } from "./flushing.ts";
import { CHANGES_MAX, changesOf, takeGroup, type Call } from "./group-writes.ts";
import type { LogFile } from "./log-file.ts";
import { isWrite, run } from "./operations.ts";
import { packReply, unpackValues } from "./packed.ts";
import { lookAt, runInTurn } from "./shared-commit.ts";
import type { ThreadBeats } from "./thread-beats.ts";
import { toErrorText, type Reply, type ToThread } from "./thread-message.ts";
import type { TimelyIntake } from "./timely-intake.ts";

/** Changes that take longer than most flushes. */
const MUCH_CHANGES = 100;

export interface ServingParts {
  readonly db: Database;
  readonly beats: Pick<ThreadBeats, "keep" | "unkeep" | "catchUp" | "stop">;
  readonly commits: Commits;
  readonly flushing: Flushing<Reply>;
  readonly log: Pick<LogFile, "committed" | "isShort" | "growAhead">;
  readonly intake: TimelyIntake;
  /** The next message that has come; undefined when there is none. */
  readonly next: () => ToThread | undefined;
  /** Milliseconds, of a clock that only goes forward. */
  readonly monotonic: () => number;
  /** Everything is answered and closed. */
  readonly closed: () => void;
}

export class Serving {
  readonly #parts: ServingParts;
  /** What has come and was not carried out yet, in order. */
  readonly #writes: Call[] = [];
  #reads: Call[] = [];
  /** Whether it was told to close, and whether that was begun. */
  #closing = false;
  #closed = false;

  constructor(parts: ServingParts) {
    this.#parts = parts;
  }

  /** Whether something has come that there was no time for: also when it is that it should close. */
  get waits(): boolean {
    return this.#hasCalls || (this.#closing && !this.#closed);
  }

  get #hasCalls(): boolean {
    return this.#writes.length > 0 || this.#reads.length > 0;
  }

  /** It is carried out by the next `serve`. */
  take(message: ToThread): void {
    const { beats } = this.#parts;
    if (message.type === "calls")
      for (const { id, name, values } of message.calls)
        (isWrite(name) ? this.#writes : this.#reads).push({ id, name, values: unpackValues(name, values) });
    else if (message.type === "keep") beats.keep(message);
    else if (message.type === "unkeep") beats.unkeep(message.session);
    else this.#closing = true;
  }

  /**
   * Carries out what has come and what comes meanwhile, until `until`. False when nothing is likely to follow at once: nothing
   * was changed, or one was the last.
   */
  serve(until: number): boolean {
    const { beats, commits, monotonic } = this.#parts;
    const before = commits.newest();
    const receive = (): void => this.#receive(until);
    receive();
    do {
      beats.catchUp();
      this.#write(receive);
      this.#look();
      this.#rest();
    } while (this.#writes.length > 0 && monotonic() < until);
    if (!this.#closing || this.#hasCalls) return commits.newest() !== before;
    if (!this.#closed) this.#close();
    return false;
  }

  #receive(until: number): void {
    const { next, monotonic } = this.#parts;
    while (monotonic() < until) {
      const message = next();
      if (message === undefined) return;
      this.take(message);
    }
  }

  #write(receive: () => void): void {
    if (this.#writes.length === 0) return;
    const { flushing, monotonic } = this.#parts;
    const from = monotonic();
    const replies = writeTogether(this.#parts, this.#writes, receive);
    const workMs = monotonic() - from;
    receive();
    flushing.committed(replies, workMs, isMuch(this.#writes));
    // What came while the disk was waited for goes together with what came before.
    receive();
  }

  /** Answers who looks, unless what was asked for before still waits (W5). Calls are numbered in their order. */
  #look(): void {
    if (this.#reads.length === 0) return;
    const { db, flushing, intake } = this.#parts;
    const first = this.#writes[0]?.id ?? Infinity;
    const looks = this.#reads.filter(({ id }) => id < first);
    this.#reads = this.#reads.filter(({ id }) => id > first);
    const replies = looks.map((call) =>
      attempt(call, () => intake.watched(() => lookAt(db, call.name, () => run(db, call.name, call.values)))),
    );
    if (replies.length > 0) flushing.committed(replies, 0, isMuch(this.#writes));
  }

  /** What nobody waits for: behind the answers, so that only who comes right after them does. */
  #rest(): void {
    const { db, log, intake } = this.#parts;
    intake.rest(!this.#hasCalls);
    if (!log.isShort()) return;
    try {
      // While another process writes, the next commits make the log longer by themselves.
      db.tryTransaction(() => void log.growAhead("short"));
    } catch {
      // Nobody asked for it: who writes next is told what is wrong.
    }
  }

  #close(): void {
    this.#closed = true;
    const { db, beats, flushing, intake, closed } = this.#parts;
    beats.stop();
    flushing.close(() => {
      intake.close();
      db.close();
      closed();
    });
  }
}

/** So much that the disk is not waited for before (D4 of flushing.ts); of less, more comes together while it is. */
function isMuch(waiting: readonly Call[]): boolean {
  return waiting.reduce((total, call) => total + changesOf(call), 0) >= MUCH_CHANGES;
}

/** Carries out what waits, and what comes while that is done (W1): a claim that was asked for right after a submit finds its job. */
function writeTogether(parts: ServingParts, waiting: Call[], receive: () => void): readonly Reply[] {
  const calls: Call[] = [];
  return carriedOut(parts, { waiting, calls, receive }).map((reply, i) => packReply(reply, calls[i]?.values));
}

interface Carrying {
  readonly waiting: Call[];
  /** Those that were taken from `waiting`, in the order of their replies. */
  readonly calls: Call[];
  readonly receive: () => void;
}

function carriedOut({ db, commits, intake, log }: ServingParts, { waiting, calls, receive }: Carrying): readonly Reply[] {
  const transaction = <T>(work: () => T): T => {
    const before = db.changes;
    return intake.watched(() =>
      db.transaction(() => {
        const value = work();
        if (db.changes > before) {
          // Before the COMMIT: a reader that sees it at once is to know of it (D2 of flushing.ts).
          commits.made();
          log.committed();
        }
        return value;
      }),
    );
  };
  try {
    return transaction(() => {
      const done: Reply[] = [];
      for (let room = CHANGES_MAX; ; receive()) {
        const group = takeGroup(waiting, room, calls);
        if (group.length === 0) return done;
        calls.push(...group);
        room -= group.reduce((total, call) => total + changesOf(call), 0);
        done.push(...runInTurn(db, group, "where it pays"));
      }
    });
  } catch (error) {
    // It could not even begin: another process writes. Who wants to look is told; changes wait until they can be made.
    if (calls.length === 0) return takeLooks(waiting).map(({ id }) => ({ id, error: toErrorText(error) }));
    const [only] = calls;
    if (only !== undefined && calls.length === 1) return [{ id: only.id, error: toErrorText(error) }];
    // Which of them it was is found out by running each alone (W2).
    return calls.map((call) => attempt(call, () => transaction(() => runInTurn(db, [call], "where it pays")[0]?.value)));
  }
}

/** Takes those out that ask for no change. */
function takeLooks(waiting: Call[]): readonly Call[] {
  const isLook = ({ name }: Call): boolean => name === "putTaken";
  const looks = waiting.filter(isLook);
  waiting.splice(0, waiting.length, ...waiting.filter((call) => !isLook(call)));
  return looks;
}

function attempt(call: Call, work: () => unknown): Reply {
  try {
    return { id: call.id, value: work() };
  } catch (error) {
    return { id: call.id, error: toErrorText(error) };
  }
}
