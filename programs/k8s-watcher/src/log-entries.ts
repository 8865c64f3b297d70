/**
 * Takes the log of a container apart that the cluster sends with times: `2026-01-31T12:00:00.123456789Z text`. What comes
 * without a time was not printed by the container (the cluster tells its own failures in the same stream), and is left out: it is
 * known apart, for what follows it may be missing. Pure.
 */
export interface LogEntry {
  /** As it was sent: its digits order entries of the same millisecond. */
  readonly time: string;
  readonly at: number;
  /** A line, or a part of one, with its end if that has come. */
  readonly bytes: Uint8Array;
  readonly isStart: boolean;
}

const NEWLINE = 10;
const SPACE = 32;
/** The longest time that there is has 35 characters. */
const TIME_LENGTH_MAX = 40;
/** Of what has no time so much is kept. */
const WORDS_BYTES_MAX = 1_000;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/u;

export class LogEntries {
  /** The beginning of a line whose time is not whole yet. */
  #start: Uint8Array = new Uint8Array();
  /** The line that is being read; null: its beginning is awaited, or it has no time. */
  #line: { readonly time: string; readonly at: number } | null = null;
  #isInside = false;
  #isStartDue = false;
  /** Lines without a time that nothing with a time has followed. */
  #words: Uint8Array = new Uint8Array();

  /** What it ended with that has no time, if it ended here; null: nothing. */
  get words(): string | null {
    const bytes = Buffer.concat([this.#words, this.#start]);
    return bytes.length === 0 ? null : bytes.toString().trim();
  }

  take(chunk: Uint8Array): LogEntry[] {
    const entries: LogEntry[] = [];
    let rest = chunk;
    while (rest.length > 0) {
      const isStart = !this.#isInside;
      if (isStart) {
        const found = this.#begin(rest);
        if (found === null) return entries;
        rest = found;
        if (rest.length === 0) {
          // The time came, and nothing of what it is about yet.
          this.#isStartDue = true;
          return entries;
        }
      }
      const end = rest.indexOf(NEWLINE);
      const bytes = end === -1 ? rest : rest.subarray(0, end + 1);
      rest = end === -1 ? rest.subarray(rest.length) : rest.subarray(end + 1);
      if (this.#line === null) this.#words = Buffer.concat([this.#words, bytes.subarray(0, WORDS_BYTES_MAX - this.#words.length)]);
      else entries.push({ ...this.#line, bytes, isStart: isStart || this.#isStartDue });
      this.#isStartDue = false;
      if (end !== -1) this.#isInside = false;
    }
    return entries;
  }

  /** What follows the time; null: more is needed. */
  #begin(chunk: Uint8Array): Uint8Array | null {
    const known = this.#start.length;
    const bytes = known === 0 ? chunk : Buffer.concat([this.#start, chunk]);
    const space = bytes.indexOf(SPACE);
    const newline = bytes.indexOf(NEWLINE);
    const isWhole = space !== -1 && space <= TIME_LENGTH_MAX && (newline === -1 || space < newline);
    if (!isWhole && newline === -1 && bytes.length <= TIME_LENGTH_MAX) {
      this.#start = Uint8Array.from(bytes);
      return null;
    }
    this.#start = new Uint8Array();
    this.#isInside = true;
    const time = isWhole ? new TextDecoder().decode(bytes.subarray(0, space)) : "";
    this.#line = TIME.test(time) ? { time, at: Date.parse(time) } : null;
    if (this.#line !== null) this.#words = new Uint8Array();
    return isWhole && this.#line !== null ? bytes.subarray(space + 1) : bytes;
  }
}
