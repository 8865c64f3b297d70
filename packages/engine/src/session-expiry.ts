/**
 * Which sessions have run out, whatever the clock does.
 *
 * E1. A jump forwards ends no session that still reports: it counts only when each could have reported since.
 * E2. A time that lies further ahead than any session lasts was told by a clock that was wrong: it counts as over when its
 *     holder has told no other for as long as a session may last.
 */
import type { Clock, Session } from "@windlass/ports";
import { steadyTime } from "./steady-time.ts";

export interface ExpiryOptions {
  readonly clock: Pick<Clock, "monotonic">;
  /** The time by which sessions report. */
  readonly now: () => number;
  /** The longest that a session may be silent. */
  readonly ttlMsMax: number;
}

export interface SessionExpiry {
  /** To be called in every pass, so that jumps are seen. The time by which sessions are judged. */
  look(): number;
  /** Since when it has run out; null: it has not. */
  overSince(session: Session): number | null;
  /** What is not among these is forgotten. */
  keep(sessions: readonly Session[]): void;
}

export function sessionExpiry({ clock, now, ttlMsMax }: ExpiryOptions): SessionExpiry {
  const steady = steadyTime(clock, now, ttlMsMax);
  const strange = new Map<string, { readonly expiresAt: number; readonly seenAt: number }>();
  return {
    look: steady,
    overSince({ id, expiresAt }) {
      if (expiresAt < steady()) return expiresAt;
      if (expiresAt <= now() + 2 * ttlMsMax) {
        strange.delete(id);
        return null;
      }
      const known = strange.get(id);
      const at = clock.monotonic();
      if (known === undefined || known.expiresAt !== expiresAt) strange.set(id, { expiresAt, seenAt: at });
      else if (at - known.seenAt > ttlMsMax) return now() - (at - known.seenAt - ttlMsMax);
      return null;
    },
    keep(sessions) {
      const ids = new Set(sessions.map(({ id }) => id));
      for (const id of strange.keys()) if (!ids.has(id)) strange.delete(id);
    },
  };
}
