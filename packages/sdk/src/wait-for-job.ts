/** Waits for the end of a job. */
import type { JobDetailJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import type { Calls } from "./client-calls.ts";
import type { CallOptions } from "./ongoing-call.ts";
import { after } from "./pause.ts";

export interface WaitOptions extends CallOptions {
  /** Give up waiting after so long, in milliseconds, with `timed_out`; without it, it waits as long as the job takes. */
  readonly limitMs?: number | undefined;
}

export async function waitForJob({ jobs }: Calls, id: string, { limitMs = Infinity, ...options }: WaitOptions): Promise<JobDetailJson> {
  const ending = new AbortController();
  const { signal } = options;
  const abort = (): void => ending.abort(signal?.reason);
  if (signal?.aborted === true) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  const stopClock = after(limitMs, () =>
    ending.abort(new WindlassError("timed_out", `job ${id} has not ended within ${limitMs} ms; it goes on, only the waiting has ended`)),
  );
  const limited = { ...options, signal: ending.signal };
  try {
    for await (const item of jobs.watch({ id, scope: "job" }, limited)) if (item.type === "end") break;
    ending.signal.throwIfAborted();
    return await jobs.get({ id }, limited);
  } finally {
    stopClock();
    signal?.removeEventListener("abort", abort);
  }
}
