/** How fast a log may grow: what comes faster is left out, and the gap says how much. Pure. */
import { formatBytes } from "@windlass/kernel";

export interface LogRate {
  /** How much of `incoming` bytes is kept, and how many bytes were left out before them. */
  admit(incoming: number, now: number): { readonly keep: number; readonly gap: number };
  /** Bytes left out since the last ones that were kept. */
  openGap(): number;
  /** All that were left out. */
  readonly droppedBytes: number;
}

const WINDOW_MS = 1_000;

/** Counted by the second: one that was too fast is cut once, not in many places. `bytesPerSecondMax`: 0 for no limit. */
export function logRate(bytesPerSecondMax: number): LogRate {
  let windowFrom = Number.NEGATIVE_INFINITY;
  let room = 0;
  let gap = 0;
  let droppedBytes = 0;
  return {
    admit(incoming, now) {
      if (bytesPerSecondMax === 0) return { keep: incoming, gap: 0 };
      // Also when the clock was set back.
      if (now - windowFrom >= WINDOW_MS || now < windowFrom) {
        windowFrom = now;
        room = bytesPerSecondMax;
      }
      const keep = Math.min(incoming, room);
      const before = gap;
      // Behind what was cut nothing more fits into this second: else many small gaps would follow.
      room = keep < incoming ? 0 : room - keep;
      gap = (keep > 0 ? 0 : gap) + incoming - keep;
      droppedBytes += incoming - keep;
      return { keep, gap: keep > 0 ? before : 0 };
    },
    openGap: () => gap,
    get droppedBytes() {
      return droppedBytes;
    },
  };
}

/** Stands in the log where bytes were left out. */
export function logGapMark(bytes: number, bytesPerSecondMax: number): string {
  return `\n[windlass: ${formatBytes(bytes)} left out here: it printed more than ${formatBytes(bytesPerSecondMax)} a second, log.bytesPerSecondMax]\n`;
}
