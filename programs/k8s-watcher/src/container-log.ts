/**
 * Follows the log of one run of one container, and tells it to the server as it comes.
 *
 * L1. What the server has stored is what the container printed, from its first byte, without a gap or a repetition: where
 *     to go on is the server's word, and what it has not stored is held here or read again.
 *     What the cluster removed before the server had it is passed over with a mark, also when another watcher had told the server
 *     what it has: the server knows when the log began, and the last entry that it was told. So is what cannot be read, as the last piece.
 * L2. It is done when the container has ended and the server has stored the rest, when the server does not want it, or
 *     when the cluster has it no more (K1 of log-look.ts). Its end is only what was read by a look that began after the container had
 *     ended: a node may end a stream before the container has, after some of its lines, or before the first (K2, K3).
 * L3. While the server does not answer, as much is held as may be; beyond that nothing is read, so that memory has a limit.
 */
import { ms, messageOf, seconds } from "@windlass/kernel";
import { isAccepted } from "@windlass/kubernetes";
import type { Tail } from "./account.ts";
import { beginningOf, chunksInTime, inTime, LateError } from "./in-time.ts";
import { LogEntries, type LogEntry } from "./log-entries.ts";
import { saidByRefusal, saidByStream, type Said } from "./log-look.ts";
import { behind, LogOutbox } from "./log-outbox.ts";
import { LogPlace, type EntryMark, type SecondMark } from "./log-place.ts";
import type { LogSubject, LogWorld } from "./log-subject.ts";
import { LogTail } from "./log-tail.ts";
import { delayOf, rest } from "./machine.ts";
import type { LogAnswer } from "./server-line.ts";

export interface ContainerLog {
  readonly done: Promise<void>;
  /** More of it may come. */
  isReading(): boolean;
  tail(): Tail;
  /** Bytes that the server has, by its own word; 0 when it does not want them. */
  stored(): number;
}

/** Of one log, while the server does not answer. */
const HELD_BYTES_MAX = 16 * 1_048_576;
/** Lines that come one by one go together. */
const GATHER_MS: number = ms(100);
/** What is said of a container's end comes another way than its log. */
const END_KNOWN_MS: number = seconds(3);
/** A node that does not find what it has printed lately finds it when it is less busy. */
const DOUBT_MS: number = seconds(60);
/** A node that says nothing for so long is asked again; one that follows the log of what runs may be silent for ever. */
const SILENT_MS: number = seconds(30);
/** What was printed right before the end is written by then. */
const WRITTEN_MS: number = seconds(1);

export function containerLog(subject: LogSubject, world: LogWorld): ContainerLog {
  const reader = new Reader(subject, world);
  return { done: reader.run(), isReading: () => reader.isReading(), tail: () => reader.tail(), stored: () => reader.stored() };
}

class Reader {
  readonly #subject: LogSubject;
  readonly #world: LogWorld;
  #outbox = new LogOutbox(0);
  readonly #tail: LogTail;
  /** Bytes that were ever read, each once. */
  #printed = 0;
  /** The first and the last entry that were ever read: by them a log is known whose beginning was removed. */
  #firstTime: string | null = null;
  #last: EntryMark | null = null;
  #isUnwanted = false;
  /** What the server lacks is not here any more. */
  #readAgain = false;
  /** Before the next piece lies so much that the server lacks and the cluster has removed. */
  #lostBytes = 0;
  /** Before the next piece something may be missing that nobody has read. */
  #isBehindGap = false;
  /** So may what lies behind the last piece: an empty one says so. */
  #isRestMissing = false;
  #wake: (() => void) | null = null;
  #isRead = false;
  /** Read to its end, and not only as far as it was there. */
  #isWhole = false;
  /** Of the look before (log-look.ts). */
  #isDoubtful = false;
  #wasEmpty = false;
  /** The next look begins there, for all before it was read; null: at the beginning. */
  #readOnFrom: SecondMark | null = null;

  constructor(subject: LogSubject, world: LogWorld) {
    this.#subject = subject;
    this.#world = world;
    this.#tail = new LogTail(subject.tailBytes);
  }

  tail(): Tail {
    return { ...this.#tail.read(), isWhole: this.#isWhole };
  }

  isReading(): boolean {
    return !this.#isRead && !this.#isUnwanted;
  }

  get #about(): { readonly job: string; readonly pod: string; readonly container: string } {
    const { id, pod, containerName } = this.#subject;
    return { job: id, pod, container: containerName };
  }

  stored(): number {
    return this.#isUnwanted ? 0 : this.#outbox.end - this.#outbox.bytes;
  }

  async run(): Promise<void> {
    const { signal } = this.#world.machine;
    const leave = await this.#world.turn();
    try {
      do {
        this.#isRead = false;
        const sending = this.#send();
        await this.#readToItsEnd();
        this.#subject.onRead();
        this.#wake?.();
        await sending;
      } while (this.#readAgain && !signal.aborted && !this.#isUnwanted);
    } finally {
      this.#world.room.bytes -= this.#outbox.bytes;
      leave();
    }
  }

  async #readToItsEnd(): Promise<void> {
    const { machine } = this.#world;
    let doubtfulSince: number | null = null;
    this.#isRestMissing = false;
    for (let failures = 0; !machine.signal.aborted && !this.#isUnwanted && !this.#isRead;) {
      const read = await this.#readOnce();
      if (read.is === "whole") this.#isWhole = this.#isRead = true;
      if (read.is === "gone") this.#gone();
      if (read.is === "doubtful") {
        doubtfulSince ??= machine.clock.monotonic();
        machine.logger.debug("what is shown of a log is not believed; it is looked at again", { ...this.#about, why: read.why });
        if (machine.clock.monotonic() - doubtfulSince >= DOUBT_MS) this.#gone(read.why);
      } else doubtfulSince = null;
      this.#isDoubtful = read.is === "doubtful";
      failures = read.is === "cut" || read.is === "doubtful" ? failures + 1 : 0;
      if (this.#isRead || read.is === "ended") continue;
      await rest(read.is === "unsure" ? WRITTEN_MS : delayOf(Math.max(1, failures), machine), machine);
    }
  }

  /** `ended`: what was read may be all of it, and one more look says so. `again`: it goes on, or more is missing. */
  async #readOnce(): Promise<Said | { readonly is: "ended" }> {
    const { client, machine } = this.#world;
    const { namespace, pod, containerName, isPrevious } = this.#subject;
    this.#readAgain = false;
    const from = this.#readOnFrom;
    this.#readOnFrom = null;
    const hadEnded = this.#subject.hasEnded();
    // To follow takes more of a node, which may be what it lacks.
    const isFollowed = !isPrevious && !this.#isDoubtful;
    const over = new AbortController();
    const end = (): void => over.abort();
    machine.signal.addEventListener("abort", end, { once: true });
    try {
      const asked = client.stream("GET", `/api/v1/namespaces/${namespace}/pods/${pod}/log`, {
        query: {
          ...{ container: containerName, timestamps: true },
          ...(isPrevious ? { previous: true } : isFollowed ? { follow: true } : {}),
          ...(from === null ? {} : { sinceTime: new Date(from.second * 1_000).toISOString() }),
        },
        signal: over.signal,
        silentMsMax: 0,
      });
      const patience = { limitMs: SILENT_MS, clock: machine.clock };
      const isBounded = (): boolean => !isFollowed || this.#subject.hasEnded();
      const stream = await inTime(asked, { ...patience, isBounded });
      const status = stream.statusCode ?? 0;
      if (!isAccepted({ status })) {
        const body = (await beginningOf(stream, { ...patience, bytesMax: REFUSAL_BYTES_MAX })).toString();
        const said = saidByRefusal({ status, body, hasEnded: this.#subject.hasEnded() });
        machine.logger.debug("a log was refused", { ...this.#about, status, body: body.slice(0, WHY_LENGTH_MAX) });
        return said;
      }
      const [entries, place] = [new LogEntries(), new LogPlace(from, this.#firstTime)];
      await this.#readStream(chunksInTime(stream, { ...patience, isBounded }), over, { entries, place });
      if (this.#readAgain || this.#isUnwanted) return { is: "again" };
      const [{ isEmpty }, { words }] = [place, entries];
      const said = saidByStream({ isFromMark: from !== null, isEmpty, wasEmpty: this.#wasEmpty, words });
      this.#wasEmpty = isEmpty && from === null && words === null;
      if (hadEnded) return said;
      this.#readOnFrom = place.second;
      for (let waited = 0; !this.#subject.hasEnded() && waited < END_KNOWN_MS && !machine.signal.aborted; waited += GATHER_MS)
        await rest(GATHER_MS, machine);
      // One that was over long before says nothing of the end.
      if (!this.#subject.hasEnded()) this.#wasEmpty = false;
      return { is: this.#subject.hasEnded() && !this.#readAgain ? "ended" : "again" };
    } catch (error) {
      if (error instanceof LateError && !this.#readAgain) return { is: "doubtful", why: error.message };
      if (!machine.signal.aborted && !over.signal.aborted)
        machine.logger.debug("a log was cut; it is read on", { ...this.#about, error: messageOf(error) });
      return { is: this.#readAgain ? "again" : "cut" };
    } finally {
      machine.signal.removeEventListener("abort", end);
      over.abort();
    }
  }

  /** `why`: it may be there, and cannot be had. */
  #gone(why?: string): void {
    const { logger } = this.#world.machine;
    this.#isRead = true;
    this.#isRestMissing = why !== undefined;
    this.#passOver();
    if (why !== undefined) logger.warn("a log cannot be read; it is given up", { ...this.#about, why: why.slice(0, WHY_LENGTH_MAX) });
    else if (this.#printed === 0) logger.warn("a log was gone before it could be read", this.#about);
  }

  async #readStream(chunks: AsyncIterable<Uint8Array>, over: AbortController, { entries, place }: Look): Promise<void> {
    for await (const chunk of chunks) {
      // From here on its places are not those of what is held: it is read from the beginning, or not at all.
      if (this.#readAgain || this.#isUnwanted) {
        over.abort();
        break;
      }
      for (const entry of entries.take(chunk)) this.#take(entry, place);
      await this.#hasRoom();
    }
  }

  #take(entry: LogEntry, place: LogPlace): void {
    // Its beginning was removed since it was read first: what follows the last that was read is still to come.
    if (place.hasLostBeginning(entry)) {
      this.#passOver();
      place.seek(this.#last, this.#outbox.end);
    }
    this.#firstTime ??= entry.time;
    const { offset, shown } = place.take(entry);
    const { bytes } = entry;
    this.#tail.take(bytes, offset, shown);
    if (offset === null) return;
    if (place.takeGap()) this.#noteGap();
    if (entry.isStart && this.#last?.time !== entry.time) this.#last = { time: entry.time, offset };
    this.#printed = Math.max(this.#printed, offset + bytes.length);
    const fresh = behind(bytes, this.#outbox.end - offset);
    if (fresh.length === 0) return;
    this.#outbox.put(fresh, entry.at, this.#last);
    this.#world.room.bytes += fresh.length;
    this.#wake?.();
  }

  #noteGap(): void {
    this.#isBehindGap = true;
    this.#world.machine.logger.warn("a part of a log was removed before it could be read", this.#about);
  }

  /** Where it stands among what is left is not known, so all that was read of it counts as gone. */
  #passOver(): void {
    this.#lostBytes = this.#printed - this.#outbox.end;
    if (this.#lostBytes > 0) this.#outbox = new LogOutbox(this.#printed);
  }

  async #hasRoom(): Promise<void> {
    const { room, machine } = this.#world;
    while (
      !machine.signal.aborted &&
      !this.#isUnwanted &&
      this.#outbox.bytes > 0 &&
      (this.#outbox.bytes >= HELD_BYTES_MAX || room.bytes >= ROOM_BYTES_MAX)
    )
      await rest(GATHER_MS, machine);
  }

  /** Until the server has all of it; or, when it was read to its end, lacks what has to be read again. */
  async #send(): Promise<void> {
    const { machine } = this.#world;
    for (let failures = 0; !machine.signal.aborted && !this.#isUnwanted && !(this.#isRead && this.#readAgain);) {
      const block = this.#outbox.first();
      if (block === null && !this.#isRead) {
        await this.#news();
        continue;
      }
      if (block !== null && !this.#isRead && block.bytes.length < HASTE_BYTES) await rest(GATHER_MS, machine);
      const delay = await this.#sendOne(failures);
      if (delay === "done") return;
      failures = delay === 0 ? 0 : failures + 1;
      if (delay > 0) await rest(delay, machine);
    }
  }

  /** How long to rest; `done` after the last piece. */
  async #sendOne(failures: number): Promise<number | "done"> {
    const { line, machine, room } = this.#world;
    const { id, attempt, jobName, jobUid, container } = this.#subject;
    const block = this.#outbox.first();
    const isRestMissing = this.#isRestMissing && block === null;
    if (block === null && this.#printed === 0 && !isRestMissing) return "done";
    const isLast = this.#isRead && (block === null || block.offset + block.bytes.length === this.#outbox.end);
    const piece = block ?? { offset: this.#outbox.end, at: machine.clock.now(), bytes: new Uint8Array(), last: null };
    const isBehindGap = this.#isBehindGap && block !== null;
    const missing = { isRestLost: this.#lostBytes > 0, isBehindGap: isBehindGap || isRestMissing };
    const told = await line.tellLog({ id, attempt, jobName, jobUid, container, ...piece, isLast, ...missing });
    if (told.is === "failed") {
      machine.metrics.posted("log", told.isDenied === true ? "denied" : "failed");
      return Math.max(told.afterMs, delayOf(failures + 1, machine));
    }
    if (told.is === "refused" || told.answer.status === "accepted_stale") {
      machine.metrics.posted("log", told.is === "refused" ? "refused" : "stale");
      if (told.is === "refused") machine.logger.error("the server refuses a log for good", { job: id, why: told.why });
      else machine.logger.info("the server does not want a log", { job: id, attempt, why: told.answer.reason });
      this.#isUnwanted = true;
      this.#subject.onRead();
      return "done";
    }
    machine.metrics.posted("log", "accepted");
    machine.metrics.lost(this.#lostBytes);
    this.#lostBytes = 0;
    if (isBehindGap) this.#isBehindGap = false;
    if (isRestMissing) this.#isRestMissing = false;
    if (told.answer.status === "moved") return this.#moved(told.answer);
    const before = this.#outbox.bytes;
    const next = told.answer.next ?? piece.offset + piece.bytes.length;
    const isHere = this.#outbox.stored(next);
    room.bytes -= before - this.#outbox.bytes;
    machine.metrics.printed(before - this.#outbox.bytes);
    if (!isHere) return this.#missing(next);
    if (isLast && this.#outbox.bytes === 0) return this.#isRestMissing ? 0 : "done";
    // Held back, for it may be the beginning of a secret: it is sent again with what follows.
    return this.#outbox.bytes === before && !this.#isRead ? GATHER_MS : 0;
  }

  /** The server lacks what is here no more: from the beginning. */
  #missing(next: number): number {
    this.#world.machine.logger.info("the server has less of a log than was told; it is read again", { job: this.#subject.id, next });
    return this.#again(next);
  }

  #again(next: number): number {
    const { machine, room } = this.#world;
    room.bytes -= this.#outbox.bytes;
    this.#outbox = new LogOutbox(next);
    this.#readAgain = true;
    this.#readOnFrom = null;
    return delayOf(1, machine);
  }

  /** The server has the beginning of this log, which is here no more: what is left of it goes behind what the server has. */
  #moved({ next = 0, last }: LogAnswer): number {
    const { machine } = this.#world;
    machine.logger.info("the server has the beginning of a log that was removed since; it is read again", { job: this.#subject.id });
    this.#tail.seek(this.#printed);
    this.#firstTime = REMOVED;
    this.#last = last ?? null;
    this.#printed = next;
    return this.#again(next);
  }

  #news(): Promise<void> {
    const { machine } = this.#world;
    return new Promise((resolve) => {
      const end = (): void => {
        machine.signal.removeEventListener("abort", end);
        this.#wake = null;
        resolve();
      };
      machine.signal.addEventListener("abort", end, { once: true });
      this.#wake = end;
    });
  }
}

/** The API server passes on less than this of what a node says. */
const REFUSAL_BYTES_MAX = 131_072;
/** Of that, in our log. */
const WHY_LENGTH_MAX = 500;

/** Of all logs together, while the server does not answer. */
const ROOM_BYTES_MAX: number = 128 * 1_048_576;
/** So much is sent without waiting for more. */
const HASTE_BYTES = 65_536;

interface Look {
  readonly entries: LogEntries;
  readonly place: LogPlace;
}

/** The time of no entry. */
const REMOVED = "";
