/**
 * Server-sent events: items as fast as the caller reads them, a comment when there is nothing to say, and an end.
 *
 * E1. An item is asked for only when the caller has room for it: nothing piles up here; what makes the items is bounded.
 * E2. Whoever leaves (or a stopping server) ends the signal that the items listen to, and with it everything behind them.
 * E3. A stream on which nothing happens ends, too, when its token opens nothing any more: at the next sign of life, where nobody has told
 *     of it before (open-streams.ts).
 */
import { messageOf } from "@windlass/kernel";
import type { Clock, Logger } from "@windlass/ports";
import type { StreamItem } from "./server-context.ts";

export const SSE_TYPE = "text/event-stream; charset=utf-8";

/** Proxies close what is silent for a minute. */
const KEEP_ALIVE_MS = 15_000;
/** How long a browser waits before it connects again. */
const RETRY_MS = 1_000;

export interface SseOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called once, whoever ended the stream. */
  readonly ended: () => void;
  /** Whether the caller may still listen; asked when there is nothing to say. */
  readonly isGood: () => Promise<boolean>;
}

export function sseResponse(items: AsyncIterable<StreamItem<unknown>>, { clock, logger, ended, isGood }: SseOptions): Response {
  const iterator = items[Symbol.asyncIterator]();
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<StreamItem<unknown>>> | null = null;
  let over = false;
  const end = (): void => {
    if (!over) ended();
    over = true;
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    next ??= iterator.next();
    try {
      const result = await orSilence(next, clock);
      if (over) return;
      if (result === null) {
        // What cannot be looked up is looked up at the next one.
        const isAlive = await isGood().catch(() => true);
        if (over) return;
        if (isAlive) return controller.enqueue(encoder.encode(": alive\n\n"));
      } else {
        next = null;
        if (result.done !== true) return controller.enqueue(encoder.encode(textOf(result.value)));
      }
    } catch (error) {
      // Told by closing: the caller connects again, and is told what is wrong then.
      if (over) return;
      logger.error("a stream failed", { error: messageOf(error) });
    }
    end();
    controller.close();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`)),
      pull,
      cancel: end,
    },
    { highWaterMark: 2 },
  );
  return new Response(stream, { headers: { "content-type": SSE_TYPE, "x-accel-buffering": "no" } });
}

function textOf({ id, item }: StreamItem<unknown>): string {
  return `${id === undefined ? "" : `id: ${id}\n`}${item === undefined ? "" : `data: ${JSON.stringify(item)}\n`}\n`;
}

/** Null when nothing came for a while; the promise goes on and is asked again. */
async function orSilence<T>(promise: Promise<T>, clock: Clock): Promise<T | null> {
  let cancel = (): void => {};
  const silence = new Promise<null>((resolve) => {
    cancel = clock.after(KEEP_ALIVE_MS, () => resolve(null));
  });
  try {
    return await Promise.race([promise, silence]);
  } finally {
    cancel();
  }
}
