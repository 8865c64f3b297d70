/**
 * Where the entries of one look at a log belong among the bytes that its container has printed. Pure.
 *
 * Q1. A look that begins as it is expected to is placed by counting from there. One that does not has lost its beginning: then the
 *     last entry that is known is looked for, and what follows it is counted on.
 * Q2. If that one is gone, too, something may be missing before the first that is left: it is said that there is a gap.
 */
import type { LogEntry } from "./log-entries.ts";

/** An entry by its time, and where it begins in what was printed; of several of one time the first. */
export interface EntryMark {
  readonly time: string;
  readonly offset: number;
}

/** The first entry of the second in which the last one was printed: the cluster is asked for a log from a second on. */
export interface SecondMark extends EntryMark {
  /** Since 1970. */
  readonly second: number;
}

/** Entries of the two streams of a container may change places; one that is so much younger than what is looked for comes behind it. */
const DISORDER_MS = 1_000;

export class LogPlace {
  readonly #begins: string | null;
  #offset: number;
  #shown = 0;
  #isFirst = true;
  /** Where to go on if what is looked for is not there; null: nothing is looked for. */
  #sought: { readonly mark: EntryMark | null; readonly end: number } | null = null;
  #isSearching = false;
  #isBehindGap = false;
  #second: SecondMark | null | undefined;

  /** `from`: it was asked for from there. `firstTime`: of the whole log; null: it is the first look. */
  constructor(from: SecondMark | null, firstTime: string | null) {
    this.#begins = from?.time ?? firstTime;
    this.#offset = from?.offset ?? 0;
    this.#second = from ?? undefined;
  }

  /** Nothing came yet. */
  get isEmpty(): boolean {
    return this.#isFirst;
  }

  /** From where the next look may begin; null: from the beginning, for the clock was set back, and what is left out is not what lies before. */
  get second(): SecondMark | null {
    return this.#second ?? null;
  }

  /** True once, for the first entry of a look that does not begin as expected: then `seek` says what for. */
  hasLostBeginning(entry: LogEntry): boolean {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst && this.#begins !== null && this.#begins !== entry.time;
  }

  /** `end`: where new bytes go. `mark` null: no entry is known. */
  seek(mark: EntryMark | null, end: number): void {
    this.#sought = { mark, end };
    this.#offset = -1;
  }

  /** `offset`: where it begins; null: it lies before what is looked for, and is known. `shown`: bytes that the look has shown before. */
  take(entry: LogEntry): { readonly offset: number | null; readonly shown: number } {
    const shown = this.#shown;
    this.#shown += entry.bytes.length;
    if (this.#sought !== null && !this.#find(entry, this.#sought)) return { offset: null, shown };
    const offset = this.#offset;
    if (entry.isStart) this.#second = secondOf(entry, offset, this.#second);
    this.#offset += entry.bytes.length;
    return { offset, shown };
  }

  /** True once: before the entry that was taken last, something may be missing. */
  takeGap(): boolean {
    const isBehindGap = this.#isBehindGap;
    this.#isBehindGap = false;
    return isBehindGap;
  }

  #find(entry: LogEntry, { mark, end }: { readonly mark: EntryMark | null; readonly end: number }): boolean {
    const isFound = mark !== null && entry.isStart && mark.time === entry.time;
    const isPast = mark === null || (this.#isSearching ? entry.at > Date.parse(mark.time) + DISORDER_MS : isLater(entry.time, mark.time));
    this.#isSearching = true;
    if (!isFound && !isPast) return false;
    this.#offset = isFound ? mark.offset : end;
    this.#isBehindGap = !isFound;
    this.#sought = null;
    return true;
  }
}

function secondOf({ at, time }: LogEntry, offset: number, mark: SecondMark | null | undefined): SecondMark | null {
  const second = Math.floor(at / 1_000);
  if (mark === undefined || (mark !== null && mark.second < second)) return { second, time, offset };
  return mark === null || mark.second > second ? null : mark;
}

/** Times of one container have the same form, but trailing zeros are left out. */
function isLater(time: string, than: string): boolean {
  const digits = (text: string): string => text.replace("Z", "").padEnd(30, "0");
  const [a, b] = [time.includes(".") ? time : time.replace("Z", ".Z"), than.includes(".") ? than : than.replace("Z", ".Z")];
  return digits(a) > digits(b);
}
