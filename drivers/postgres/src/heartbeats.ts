/** `Heartbeats` on a thread with a connection of its own: a busy event loop does not delay them, a hanging one ends them. */
import { Worker } from "node:worker_threads";
import type { Clock, Heartbeats } from "@windlass/ports";
import type { FromBeatThread, ToBeatThread } from "./heartbeat-thread.ts";

/** How often the event loop shows the thread that it moves. */
const MOVE_MS = 1_000;

/** The thread is started by the first session that is kept. */
export function threadHeartbeats(url: string, clock: Clock): { readonly heartbeats: Heartbeats; readonly close: () => Promise<void> } {
  const lost = new Map<string, () => void>();
  let running: { readonly worker: Worker; readonly stopMoving: () => void } | null = null;
  const start = (): Worker => {
    if (running !== null) return running.worker;
    const moved = new SharedArrayBuffer(4);
    const worker = new Worker(new URL("./heartbeat-thread.ts", import.meta.url), { workerData: { url, moved } });
    const stopMoving = showMoves(clock, new Int32Array(moved));
    const loseAll = (): void => {
      // Sessions that are opened from now on get a new thread.
      stopMoving();
      if (running?.worker === worker) running = null;
      for (const [session, onLost] of [...lost]) if (lost.delete(session)) onLost();
    };
    worker.on("message", ({ session }: FromBeatThread) => {
      const onLost = lost.get(session);
      if (lost.delete(session)) onLost?.();
    });
    // A thread that died beats no more: its sessions count as lost now, not when they have run out.
    worker.on("error", loseAll);
    worker.unref();
    running = { worker, stopMoving };
    return worker;
  };
  const heartbeats: Heartbeats = {
    async keep(session, { intervalMs, ttlMs, onLost }) {
      const worker = start();
      const say = (message: ToBeatThread): void => worker.postMessage(message);
      lost.set(session, onLost);
      say({ type: "keep", session, intervalMs, ttlMs });
      return {
        async stop() {
          lost.delete(session);
          say({ type: "unkeep", session });
        },
      };
    },
  };
  const close = async (): Promise<void> => {
    lost.clear();
    running?.stopMoving();
    await running?.worker.terminate();
  };
  return { heartbeats, close };
}

function showMoves(clock: Clock, moved: Int32Array): () => void {
  let cancel = (): void => {};
  const move = (): void => {
    Atomics.add(moved, 0, 1);
    cancel = clock.after(MOVE_MS, move);
  };
  move();
  return () => cancel();
}
