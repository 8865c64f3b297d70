/**
 * Finds processes of an attempt that left its group, by a mark in their environment, and kills them. Looking through
 * all processes is dear, so one look serves all attempts that ended meanwhile.
 */
import type { Clock } from "@windlass/ports";
import { processesMarked } from "./process-table.ts";
import { pause } from "./supervisor-clock.ts";

const VARIABLE = "WINDLASS_LAUNCH";
const LOOK_AFTER_MS = 250;
/** One that forks while it is killed may need another look. */
const LOOKS_MAX = 20;
const LOOK_AGAIN_MS = 20;

export interface Stragglers {
  killSoon(ref: string): void;
}

/** What every process of a launch has in its environment. */
export function markOf(ref: string): Record<string, string> {
  return { [VARIABLE]: ref };
}

export function stragglers(clock: Clock): Stragglers {
  const wanted = new Set<string>();
  let isLooking = false;
  const look = (): void => {
    isLooking = false;
    const refs = [...wanted];
    wanted.clear();
    void killMarked(refs, clock);
  };
  return {
    killSoon: (ref) => {
      wanted.add(ref);
      if (isLooking) return;
      isLooking = true;
      clock.after(LOOK_AFTER_MS, look);
    },
  };
}

/** Resolves when no process of these launches is left, or after several looks. Returns how many were found. */
export async function killMarked(refs: readonly string[], clock: Clock): Promise<number> {
  const lines = new Set(refs.map((ref) => `${VARIABLE}=${ref}`));
  const killed = new Set<number>();
  for (let look = 0; look < LOOKS_MAX && lines.size > 0; look++) {
    const found = processesMarked(lines);
    if (found.size === 0) break;
    for (const pid of found.keys()) {
      killed.add(pid);
      killOne(pid);
    }
    await pause(clock, LOOK_AGAIN_MS);
  }
  return killed.size;
}

function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && (error.code === "ESRCH" || error.code === "EPERM"))) throw error;
  }
}
