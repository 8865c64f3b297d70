/** Names whose end was stored and that are gone: the order of a launcher that has died since may still be under way (X1). */
import { WindlassError } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";

/** How long an order to launch may be under way, with room; and how many names that is at most. */
const FORGOTTEN_MS = 600_000;
const FORGOTTEN_MAX = 100_000;

export class ForgottenNames {
  readonly #clock: Clock;
  /** Oldest first. */
  readonly #names = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(name: string): void {
    const now = this.#clock.monotonic();
    this.#names.set(name, now);
    for (const [old, at] of this.#names) {
      if (now - at < FORGOTTEN_MS && this.#names.size <= FORGOTTEN_MAX) return;
      this.#names.delete(old);
    }
  }

  /** Throws `conflict` for one of them. */
  refuse(name: string): void {
    if (this.#names.has(name)) throw new WindlassError("conflict", `${name} has ended and was forgotten; a name is launched once`);
  }
}
