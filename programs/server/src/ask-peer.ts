/** One question to the server of another host. */
import { ERRORS, messageOf, WindlassError, type ErrorCode } from "@windlass/kernel";
import type { Clock, LogKey, LogRange, LogSlice, ServedPlace } from "@windlass/ports";
import { sliceOfJson, type LogSliceJson } from "./log-slice-json.ts";

export interface Asked {
  readonly peer: ServedPlace;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly detail: string;
}

/** A peer that takes longer counts as one that does not answer. */
const ANSWER_MS = 10_000;

/** Null when it has nothing. Throws `log_removed`, and `unavailable`, which names the host. */
export async function askPeer({ peer, clock, fetch: ask }: Asked, key: LogKey, range: LogRange): Promise<LogSlice | null> {
  const stop = new AbortController();
  const cancel = clock.after(ANSWER_MS, () => stop.abort(new Error(`no answer in ${ANSWER_MS / 1_000} s`)));
  try {
    const address = `${peer.url}/internal/logs/${key.jobId}/${key.attempt}?range=${encodeURIComponent(JSON.stringify(range))}`;
    const answer = await ask(address, { headers: { authorization: `Bearer ${peer.secret}` }, signal: stop.signal });
    if (answer.status === 204) return null;
    const body = (await answer.json()) as LogSliceJson | Refusal;
    if ("chunks" in body) return sliceOfJson(body);
    throw new WindlassError(Object.hasOwn(ERRORS, body.code) ? body.code : "unavailable", body.detail);
  } catch (error) {
    if (error instanceof WindlassError && error.code === "log_removed") throw error;
    throw new WindlassError(
      "unavailable",
      `${whoseLog(key)} lies on the host ${peer.host}, whose server at ${peer.url} does not give it (${messageOf(error)}); start it, or look into its data folder`,
      { cause: error },
    );
  } finally {
    cancel();
  }
}

export function whoseLog({ jobId, attempt }: LogKey): string {
  return `the log of ${jobId}, attempt ${attempt},`;
}
