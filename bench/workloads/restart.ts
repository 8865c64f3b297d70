/** A program that starts again with jobs in its store: from opening the store to the start of the first of them, and to the last. */
import { openEmbedded } from "@windlass/windlass";
import { open } from "../contenders/windlass-embedded.ts";
import type { Entrant } from "../row.ts";

const QUEUED = { full: 10_000, quick: 200 } as const;

export const restart: Entrant = {
  name: "windlass embedded",
  missing: () => null,
  async measure(scale) {
    const count = QUEUED[scale];
    const queue = await open({});
    await queue.enqueueMany(count);
    await queue.windlass.close();
    const from = performance.now();
    const again = await openEmbedded({ dataFolder: queue.folder });
    const first = Promise.withResolvers<number>();
    const last = Promise.withResolvers<number>();
    let called = 0;
    await again.worker({
      concurrency: 10,
      handlers: {
        noop: () => {
          called++;
          if (called === 1) first.resolve(performance.now() - from);
          if (called === count) last.resolve(performance.now() - from);
        },
      },
    });
    const figures = { "first start": await first.promise, "last start": await last.promise };
    await again.close();
    await queue.remove();
    return figures;
  },
};
