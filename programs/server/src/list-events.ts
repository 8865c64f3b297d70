/** Pages of the feed for those who come by from time to time, instead of watching. */
import type { EventJson } from "@windlass/contract";
import { WindlassError } from "@windlass/kernel";
import { feedStart } from "./feed-start.ts";
import { presentEvent } from "./present-job.ts";
import type { Handlers, ServerContext } from "./server-context.ts";

/** Events that one answer looks at: those of other workspaces and types are passed over. */
const SCANNED_MAX = 5_000;
const PAGE = 500;

/** Without `after` it begins with the oldest event that is kept. */
export function eventList({ engine: { context } }: ServerContext): Handlers<"events">["list"] {
  const { reads } = context.store;
  return async ({ query: { after, type, limit } }, { workspace }) => {
    const start = feedStart(after ?? "", await reads.feedEnd());
    if (start.reset) {
      const message = `${after} is not a position of this server's events; begin anew, without after`;
      throw new WindlassError("invalid", message, { faults: [{ path: "after", message }] });
    }
    const types = type === undefined ? null : new Set<string>(type);
    const items: EventJson[] = [];
    let next = start.from;
    for (let scanned = 0; scanned < SCANNED_MAX; scanned += PAGE) {
      const entries = await reads.feed(next, PAGE);
      for (const { position, workspace: of, event } of entries) {
        if (items.length === limit) return { items, next, more: true };
        next = position;
        if (of === workspace && (types === null || types.has(event.type))) items.push(presentEvent(event, position));
      }
      if (entries.length < PAGE) return { items, next, more: false };
    }
    return { items, next, more: true };
  };
}
