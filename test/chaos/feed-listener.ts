/**
 * A user who listens to all events from the beginning. Connections are cut again and again, by the strikes and by
 * itself; it goes on behind the last event that it heard, at whichever server answers.
 */
import { setTimeout as rest } from "node:timers/promises";
import type { EventJson } from "@windlass/contract";
import type { SeededRandom } from "@windlass/testkit/fakes";
import { clientOf } from "./submit-orders.ts";

export interface FeedListener {
  /** Listens until a server says that nothing is behind what was heard, or for so long that something is amiss. Returns that, in order. */
  finish(): Promise<readonly Pick<EventJson, "jobId" | "seq">[]>;
}

/** How long one connection lasts. */
const CONNECTION_MS = { from: 1_500, below: 4_000 };
const CONNECT_AGAIN_MS = 200;
const ANSWER_MS = 5_000;
const FINISH_PATIENCE_MS = 60_000;

export function listenToFeed(doors: readonly string[], random: SeededRandom): FeedListener {
  const heard: EventJson[] = [];
  let position = "";
  let finishing = false;
  const connect = async (): Promise<void> => {
    const lasting = CONNECTION_MS.from + random.int(CONNECTION_MS.below - CONNECTION_MS.from);
    const signal = AbortSignal.timeout(lasting);
    for await (const item of clientOf(random.pick(doors)).events.watch({ after: position }, { signal })) {
      // Events were passed over: they are read again behind the last one that was heard.
      if (item.type === "reset") return;
      heard.push(item.event);
      position = item.event.position ?? position;
    }
  };
  /** A connection that tells nothing may only not have had its turn. */
  const isAtEnd = async (): Promise<boolean> => {
    const signal = AbortSignal.timeout(ANSWER_MS);
    return (await clientOf(random.pick(doors)).events.list({ after: position, limit: 1 }, { signal })).items.length === 0;
  };
  const listening = (async () => {
    let finishedAt = Infinity;
    while (performance.now() < finishedAt) {
      await connect().catch(() => {});
      if (finishing && (await isAtEnd().catch(() => false))) return;
      if (finishing) finishedAt = Math.min(finishedAt, performance.now() + FINISH_PATIENCE_MS);
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
