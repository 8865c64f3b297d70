/** `Heartbeats` on a clock that is handed in, within the event loop: for the store without threads. */
import type { Clock, Heartbeats } from "@windlass/ports";

/** Extends one session; answers with its id while it is still there. */
export type BeatOne = (sessionId: string, expiresAt: number) => Promise<readonly string[]>;

export function clockedHeartbeats(clock: Clock, beat: BeatOne): Heartbeats & { stop(): void } {
  const running = new Set<() => void>();
  return {
    async keep(sessionId, { intervalMs, ttlMs, onLost }) {
      let cancel = (): void => {};
      const end = (): void => {
        cancel();
        running.delete(end);
      };
      const next = (): void => {
        cancel = clock.after(intervalMs, () => {
          void once();
        });
      };
      let lastBeat = clock.monotonic();
      const once = async (): Promise<void> => {
        const alive = await beat(sessionId, clock.now() + ttlMs).then(
          (ids) => ids.length > 0,
          // A beat that failed is tried again until the session must have run out.
          () => clock.monotonic() - lastBeat < ttlMs,
        );
        if (!running.has(end)) return;
        if (!alive) {
          end();
          onLost();
          return;
        }
        lastBeat = clock.monotonic();
        next();
      };
      running.add(end);
      next();
      return { stop: () => Promise.resolve(end()) };
    },
    stop() {
      for (const end of running) end();
    },
  };
}
