/** One line on a terminal that says how far a back-up or a restore is. */
import type { BackupStep } from "@windlass/contract";
import { formatBytes } from "@windlass/kernel";
import { systemClock } from "../machine/system-clock.ts";
import { liveRegion } from "../output/live-region.ts";
import type { Terminal } from "../output/terminal.ts";

const REDRAW_MS = 100;

export function stepLine(terminal: Terminal): { readonly show: (step: BackupStep) => void; readonly clear: () => void } {
  const region = liveRegion(terminal);
  let drawnAt = Number.NEGATIVE_INFINITY;
  return {
    show: (step) => {
      const now = systemClock.monotonic();
      if (now - drawnAt < REDRAW_MS) return;
      drawnAt = now;
      region.set([step.part === "store" ? `store: ${Math.round(step.share * 100)} %` : `files: ${step.files}, ${formatBytes(step.bytes)}`]);
    },
    clear: () => region.clear(),
  };
}
