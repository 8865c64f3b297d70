/**
 * A user who listens to all events from the beginning. Connections are cut again and again, by the strikes and by
 * itself; it goes on behind the last event that it heard, at whichever server answers.
 */
import { setTimeout as rest } from "node:timers/promises";
import type { EventJson } from "@windlass/contract";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { clientOf } from "./submit-orders.ts";

export interface FeedListener {
  /** Listens until nothing new is heard for a while. Returns what was heard, in order. */
  finish(): Promise<readonly Pick<EventJson, "jobId" | "seq">[]>;
}

/** How long one connection lasts. */
const CONNECTION_MS = { from: 1_500, below: 4_000 };
const CONNECT_AGAIN_MS = 200;
/** Connections in a row, begun after the end, that tell nothing new. */
const QUIET_CONNECTIONS = 1;
const FINISH_PATIENCE_MS = 60_000;

export function listenToFeed(doors: readonly string[], random: SeededRandom): FeedListener {
  const heard: EventJson[] = [];
  let position = "";
  let finishing = false;
  /** True when the server said that all went well until the connection was cut, and nothing new was heard. */
  const connect = async (): Promise<boolean> => {
    const before = heard.length;
    const lasting = CONNECTION_MS.from + random.int(CONNECTION_MS.below - CONNECTION_MS.from);
    const signal = AbortSignal.timeout(lasting);
    for await (const item of clientOf(random.pick(doors)).events.watch({ after: position }, { signal })) {
      // Events were passed over: they are read again behind the last one that was heard.
      if (item.type === "reset") return false;
      heard.push(item.event);
      position = item.event.position ?? position;
    }
    return heard.length === before;
  };
  const listening = (async () => {
    const until = { finished: Infinity };
    for (let quiet = 0; quiet < QUIET_CONNECTIONS && performance.now() < until.finished;) {
      const wasFinishing = finishing;
      if (wasFinishing) until.finished = Math.min(until.finished, performance.now() + FINISH_PATIENCE_MS);
      const isQuiet = await connect().catch(() => false);
      quiet = wasFinishing && isQuiet ? quiet + 1 : 0;
      await rest(CONNECT_AGAIN_MS);
    }
  })();
  return {
    async finish() {
      finishing = true;
      await listening;
      return heard;
    },
  };
}
