/**
 * When a worker's line is read: not while it rests, because it was too fast, nor while it is held back, because what came over it before
 * is not done with. What was read already is still heard.
 */
import type { Clock } from "@windlass/ports";
import type { WebSocket } from "ws";

export interface Reading {
  readonly isHeldBack: boolean;
  /** Nothing is read for so long. Called again, it begins anew. */
  rest(ms: number): void;
  /** Nothing is read until then; `then` is called when it may be read again, unless that was ended before. */
  holdBack(until: Promise<void>, then: () => void): void;
  /** Everything is read, from now on. */
  end(): void;
}

export function readingOf(socket: Pick<WebSocket, "pause" | "resume">, clock: Pick<Clock, "after">): Reading {
  let [isResting, isHeldBack, isOver] = [false, false, false];
  let cancelRest = (): void => {};
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
    holdBack(until, then) {
      if (isOver || isHeldBack) return;
      isHeldBack = true;
      socket.pause();
      void until.then(() => {
        if (isOver) return;
        isHeldBack = false;
        then();
        goOn();
      });
    },
    end() {
      isOver = true;
      [isResting, isHeldBack] = [false, false];
      cancelRest();
      socket.resume();
    },
  };
}
