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
          () => null,
        );
        if (!running.has(end)) return;
        if (alive === true) lastBeat = clock.monotonic();
        // A beat that failed is tried again until the session must have run out.
        if (alive === false || clock.monotonic() - lastBeat >= ttlMs) {
          end();
          onLost();
          return;
        }
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
