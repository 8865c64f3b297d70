/**
 * The end of what one container has printed, as its account shows it (account.ts), while its log is read by several looks. Pure.
 *
 * T1. Each byte is in it once, in its order, however often a look shows it again.
 * T2. A look that does not know yet where what it shows stands keeps it all the same: the container may have ended meanwhile, and
 *     the account does not wait.
 */
import { byteTail, type ByteTail } from "@windlass/ports";
import { behind } from "./log-outbox.ts";

export class LogTail {
  readonly #bytes: ByteTail;
  /** Bytes of which it is the end. */
  #end = 0;
  /** The same, counted from where the log begins now, while a look seeks where that is; null: it is known. */
  #shown: number | null = null;

  constructor(bytesMax: number) {
    this.#bytes = byteTail(bytesMax);
  }

  read(): { readonly bytes: Uint8Array; readonly wasCut: boolean } {
    return { bytes: this.#bytes.read(), wasCut: this.#bytes.wasCut };
  }

  /** `offset`: where they stand in the log, null while that is not known; `shown`: where in what this look has shown. */
  take(bytes: Uint8Array, offset: number | null, shown: number): void {
    if (this.#shown !== null && offset === null) {
      this.#bytes.push(behind(bytes, this.#shown - shown));
      this.#shown = Math.max(this.#shown, shown + bytes.length);
    }
    if (offset === null) return;
    if (this.#shown !== null) this.#end = offset + this.#shown - shown;
    this.#shown = null;
    this.#bytes.push(behind(bytes, this.#end - offset));
    this.#end = Math.max(this.#end, offset + bytes.length);
  }

  /** The beginning was removed, of which so many bytes were read: the next looks seek where what is left stands. */
  seek(printed: number): void {
    this.#shown ??= printed;
  }
}
