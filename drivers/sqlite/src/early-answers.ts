/**
 * Answers that the writer sent before the disk has what they tell of, because it had more to do at once (D4 of flushing.ts). The
 * event loop's end of the thread flushes the log meanwhile, and hands them on after that.
 *
 * E1. An answer is handed on after a flush that began after its COMMIT, and behind those that came before it. What comes without
 *     a number is on the disk, and so is all that came before it.
 * E2. When a flush fails nothing more is handed on (D3).
 * E3. The log is closed when no flush of it is under way: its number may be given to another file, which would be flushed instead.
 */
import type { Commits } from "./flushing.ts";
import type { LogFile } from "./log-file.ts";

export interface EarlyAnswersParts<Reply> {
  readonly log: Pick<LogFile, "flush" | "close">;
  readonly commits: Pick<Commits, "flushed">;
  readonly answer: (replies: readonly Reply[]) => void;
  readonly fail: (error: Error) => void;
}

export class EarlyAnswers<Reply> {
  readonly #parts: EarlyAnswersParts<Reply>;
  #held: { readonly upTo: number; readonly replies: readonly Reply[] }[] = [];
  #flushing = false;
  #failed = false;
  #closed = false;

  constructor(parts: EarlyAnswersParts<Reply>) {
    this.#parts = parts;
  }

  /** `upTo`: the commit that they tell of, when the disk may not have it yet. */
  receive(replies: readonly Reply[], upTo: number | undefined): void {
    if (this.#failed) return;
    if (upTo === undefined) {
      this.#handOn(this.#held.length);
      return this.#parts.answer(replies);
    }
    this.#held.push({ upTo, replies });
    this.#flush();
  }

  /** From now on nothing is told nor handed on. Keeps E3. */
  close(): void {
    if (this.#closed) return;
    [this.#closed, this.#failed] = [true, true];
    if (!this.#flushing) this.#parts.log.close();
  }

  #flush(): void {
    const upTo = this.#held.at(-1)?.upTo;
    if (upTo === undefined || this.#flushing) return;
    const { log, commits, fail } = this.#parts;
    this.#flushing = true;
    log.flush((error) => {
      this.#flushing = false;
      if (this.#closed) return log.close();
      if (error !== null) {
        this.#failed = true;
        return fail(error);
      }
      commits.flushed(upTo);
      // What came meanwhile was perhaps committed behind the flush.
      this.#handOn(this.#held.findLastIndex((held) => ((upTo - held.upTo) | 0) >= 0) + 1);
      this.#flush();
    });
  }

  #handOn(count: number): void {
    for (const { replies } of this.#held.splice(0, count)) this.#parts.answer(replies);
  }
}
