/** Heartbeats on a clock that is handed in, for stores without a thread of their own. */
import type { Clock, Heartbeats, SessionStore } from "@windlass/ports";

export function clockHeartbeats(clock: Clock, sessions: Pick<SessionStore, "beat">): Heartbeats {
  return {
    async keep(id, { intervalMs, ttlMs, onLost }) {
      let stopped = false;
      let lastAt = clock.monotonic();
      let cancel = (): void => {};
      const beat = async (): Promise<void> => {
        try {
          const alive = await sessions.beat([id], clock.now() + ttlMs);
          if (alive.includes(id)) lastAt = clock.monotonic();
          else stopped = stopped || lose();
        } catch {
          // Tried again at the next beat; out of touch for too long is the same as lost.
          if (clock.monotonic() - lastAt > ttlMs) stopped = stopped || lose();
        }
        if (!stopped) cancel = clock.after(intervalMs, () => void beat());
      };
      const lose = (): true => {
        onLost();
        return true;
      };
      cancel = clock.after(intervalMs, () => void beat());
      return {
        async stop() {
          stopped = true;
          cancel();
        },
      };
    },
  };
}
