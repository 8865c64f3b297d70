/**
 * When a worker's line is read: not while it rests, because it was too fast, nor while it is held back, because what came over it before
 * is not done with. What was read already is still heard. Nobody is held back for longer than his reports can wait that lie behind
 * it; then all is read until what came before is done with.
 */
import type { Clock } from "@windlass/ports";
import type { WebSocket } from "ws";

export interface Reading {
  readonly isHeldBack: boolean;
  /** Nothing is read for so long. Called again, it begins anew. */
  rest(ms: number): void;
  /** Nothing is read until then, for `ms` at most; `then` is called when it is read again, unless that was ended before. */
  holdBack(until: Promise<void>, ms: number, then: () => void): void;
  /** Everything is read, from now on. */
  end(): void;
}

export function readingOf(socket: Pick<WebSocket, "pause" | "resume">, clock: Pick<Clock, "after">): Reading {
  let [isResting, isHeldBack, isAwaiting, isOver] = [false, false, false, false];
  let cancelRest = (): void => {};
  let cancelHold = (): void => {};
  const goOn = (): void => {
    if (!isResting && !isHeldBack) socket.resume();
  };
  return {
    get isHeldBack() {
      return isHeldBack;
    },
    rest(ms) {
      if (isOver) return;
      cancelRest();
      isResting = true;
      socket.pause();
      cancelRest = clock.after(ms, () => {
        isResting = false;
        goOn();
      });
    },
    holdBack(until, ms, then) {
      if (isOver || isAwaiting) return;
      [isHeldBack, isAwaiting] = [true, true];
      socket.pause();
      const release = (): void => {
        if (isOver || !isHeldBack) return;
        isHeldBack = false;
        then();
        goOn();
      };
      cancelHold = clock.after(ms, release);
      void until.then(() => {
        isAwaiting = false;
        cancelHold();
        release();
      });
    },
    end() {
      isOver = true;
      [isResting, isHeldBack] = [false, false];
      cancelRest();
      cancelHold();
      socket.resume();
    },
  };
}
