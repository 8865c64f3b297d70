/**
 * How fast the workers of one token are heard. Who sends faster is not refused but read more slowly: nothing that a worker
 * says may be lost, and the line holds it back.
 */
import type { Clock } from "@windlass/ports";
import { isLimited, buckets } from "./rate-limit.ts";
import type { Principal } from "./authenticate.ts";

export interface FramePace {
  /** How long to hear nothing more after a frame of so many bytes; 0: no time. */
  restMs(of: Pick<Principal, "id" | "name">, bytes: number): number;
}

/** Seconds' worth of frames that may come at once: what a worker kept while it was cut off. */
const BURST_SECONDS = 2;
/** A frame counts once more for each so many bytes: they take as long to be read as a small one to be heard. */
const BYTES_OF_ONE = 16_384;

/** `perSecond` 0: no limit. */
export function framePace(perSecond: number, clock: Pick<Clock, "monotonic">): FramePace {
  const heard = buckets({ perSecond, burst: perSecond * BURST_SECONDS, monotonic: () => clock.monotonic() });
  return {
    restMs(of, bytes) {
      if (perSecond <= 0 || !isLimited(of)) return 0;
      const left = heard.take(of.name, 1 + Math.floor(bytes / BYTES_OF_ONE));
      return left >= 0 ? 0 : Math.ceil((-left / perSecond) * 1_000);
    },
  };
}
