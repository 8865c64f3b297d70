/** A limit for programs that end: whatever does not let go is left. */
import type { Interruption } from "./interruption.ts";
import { systemClock } from "./system-clock.ts";

/** After the drain: for the store to close. */
const CLOSE_SLACK_MS = 3_000;

export interface EndLimit {
  readonly drainMs: number;
  readonly say: (text: string) => void;
  /** 0 when left out. */
  readonly exitCode?: () => number;
}

/**
 * What has not stopped so long after the signal is left, also what has not even started by then: everything is stored, and the next
 * server takes over. Returns how to take the limit back.
 */
export function endInTime({ signal }: Pick<Interruption, "signal">, { drainMs, say, exitCode }: EndLimit): () => void {
  let cancel = (): void => {};
  const begin = (): void => {
    const limitMs = drainMs + CLOSE_SLACK_MS;
    cancel = systemClock.after(limitMs, () => {
      say(
        `It ends now: not everything had stopped ${limitMs / 1_000} s after it was told to. What is stored is taken over by the next one.\n`,
      );
      process.exit(exitCode?.());
    });
  };
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true });
  return () => {
    signal.removeEventListener("abort", begin);
    cancel();
  };
}

/** Closes what this program has, without being told to end by anybody. */
export async function closeInTime(close: () => Promise<void>, limit: EndLimit): Promise<void> {
  const cancelLimit = endInTime({ signal: AbortSignal.abort() }, limit);
  try {
    await close();
  } finally {
    cancelLimit();
  }
}
