/**
 * The events of all jobs, live, for many listeners: one tailer per process reads the store's feed and hands each event on
 * through a bounded buffer. A listener that is too slow gets `reset` and has to read again.
 *
 * F1. A subscriber sees every event that is committed after `subscribe` has resolved, in order, or `reset`.
 * F2. With no subscriber, nothing is read.
 * F3. Who continues from far behind reads what he missed by himself, as fast as he takes it, and joins the others at its end: he
 *     gets all of it, and nobody waits for him.
 */
import type { JobEvent } from "@windlass/kernel";
import type { FeedEntry } from "@windlass/ports";
import type { EngineContext } from "./context.ts";
import { loop, type Service } from "./service.ts";

/** Events that a slow listener may lag behind. */
const BUFFER_MAX = 1_000;
/** Events that one read takes. */
const PAGE = 500;
/** Wake-ups come by the bus; this is for those that were lost. */
const REST_MS = 500;

export type FeedItem = { readonly type: "event"; readonly position: string; readonly event: JobEvent } | { readonly type: "reset" };

/** Whether a listener wants an event; `workspace` is that of the job. */
export type Matches = (event: JobEvent, workspace: string) => boolean;

export interface Subscription extends AsyncIterable<FeedItem> {
  end(): void;
}

export interface Feed extends Service {
  /** Events that match, from now on, or behind `after`, which was the end of the feed a moment ago. */
  subscribe(matches: Matches, after?: string): Promise<Subscription>;
  /** Events that match behind `after`, however far back that is; nothing is read before somebody listens. */
  resume(matches: Matches, after: string): Subscription;
}

interface Listener {
  readonly matches: Matches;
  /** Positions up to this one were seen. */
  seen: string;
  readonly push: (item: FeedItem) => void;
}

export function feed(context: EngineContext): Feed {
  const listeners = new Set<Listener>();
  const tail = loop({
    name: "feed",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    pace: context.pace,
    restMs: () => context.pace.rest(REST_MS),
    subscribe: (wake) => context.bus.subscribe("events", () => listeners.size > 0 && wake()),
    pass: async () => {
      if (listeners.size === 0) return false;
      // Who subscribes while the page is read may want what lies before it, and takes part in the next pass.
      const present = [...listeners];
      const from = present.map((listener) => listener.seen).reduce((a, b) => (a < b ? a : b));
      const entries = await context.store.reads.feed(from, PAGE);
      const newest = entries.at(-1);
      context.figures.feedLagMs = newest === undefined ? 0 : Math.max(0, context.now() - newest.event.at);
      for (const entry of entries) for (const listener of present) hand(listener, entry);
      return entries.length === PAGE || listeners.size > present.length;
    },
  });
  const listen = (matches: Matches, seen: string): Subscription => {
    const queue = buffer(() => listeners.delete(listener));
    const listener: Listener = { matches, seen, push: queue.push };
    listeners.add(listener);
    tail.wake();
    return queue.subscription;
  };
  return {
    ...tail,
    subscribe: async (matches, after) => listen(matches, after ?? (await context.store.reads.feedEnd())),
    resume: (matches, after) => resumed(context, { matches, after, listen }),
  };
}

interface Resuming {
  readonly matches: Matches;
  readonly after: string;
  readonly listen: (matches: Matches, seen: string) => Subscription;
}

/** Keeps F3. */
function resumed({ store, clock }: EngineContext, { matches, after, listen }: Resuming): Subscription {
  let [isOver, live]: [boolean, Subscription | null] = [false, null];
  return {
    end() {
      isOver = true;
      live?.end();
    },
    async *[Symbol.asyncIterator]() {
      let [from, isBehind] = [after, true];
      while (isBehind) {
        const entries = isOver ? [] : await store.reads.feed(from, PAGE);
        const readAt = clock.monotonic();
        for (const { position, workspace, event } of entries) {
          if (isOver) return;
          from = position;
          if (matches(event, workspace)) yield { type: "event", position, event };
        }
        // Who took long for the last page is behind again.
        isBehind = entries.length === PAGE || clock.monotonic() - readAt > REST_MS;
      }
      if (isOver) return;
      live = listen(matches, from);
      yield* live;
    },
  };
}

function hand(listener: Listener, { position, workspace, event }: FeedEntry): void {
  if (position <= listener.seen) return;
  listener.seen = position;
  if (listener.matches(event, workspace)) listener.push({ type: "event", position, event });
}

function buffer(ended: () => void): { readonly push: (item: FeedItem) => void; readonly subscription: Subscription } {
  let items: FeedItem[] = [];
  let done = false;
  let resume: (() => void) | null = null;
  const end = (): void => {
    done = true;
    ended();
    resume?.();
  };
  return {
    push(item) {
      if (items.length >= BUFFER_MAX) items = [{ type: "reset" }];
      else items.push(item);
      resume?.();
    },
    subscription: {
      end,
      async *[Symbol.asyncIterator]() {
        try {
          while (!done) {
            const next = items.shift();
            if (next !== undefined) yield next;
            else
              await new Promise<void>((resolve) => {
                resume = resolve;
              });
          }
        } finally {
          end();
        }
      },
    },
  };
}
