/**
 * Holds the requests of one client to a rate, as every good client of a cluster does: the API server is shared, and one that
 * is asked too much refuses everybody. First come, first served; an idle client may begin with a burst. When the API server
 * asks one of them to wait, none that comes after it goes before that time is over.
 */
import type { Clock } from "@windlass/ports";

export interface Pace {
  readonly perSecond: number;
  readonly burst: number;
}

export class RequestPace {
  readonly #pace: Pace;
  readonly #clock: Clock;
  /** When (monotonic) the next request would be free to go had none gone in a burst. */
  #nextAt = Number.NEGATIVE_INFINITY;

  constructor(pace: Pace, clock: Clock) {
    this.#pace = pace;
    this.#clock = clock;
  }

  /** How long until the request that asks now may go. Asking takes the place. */
  take(): number {
    const { perSecond, burst } = this.#pace;
    const now = this.#clock.monotonic();
    const gap = 1000 / perSecond;
    const at = Math.max(this.#nextAt, now - gap * (burst - 1));
    this.#nextAt = at + gap;
    return Math.max(0, at - now);
  }

  /** No request goes within this time from now. Those that have their turn already do. */
  hold(forMs: number): void {
    this.#nextAt = Math.max(this.#nextAt, this.#clock.monotonic() + forMs);
  }

  async turn(): Promise<void> {
    const waitMs = this.take();
    if (waitMs > 0) await new Promise<void>((resolve) => void this.#clock.after(waitMs, resolve));
  }
}
