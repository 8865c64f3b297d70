/** How many small durable writes a second this disk takes, one after the other: nothing that commits one by one can be faster. */
import { temporaryFolder } from "../cleanup.ts";
import type { Entrant } from "../row.ts";
import { flushedPages } from "../servers/flushed-pages.ts";

const SAMPLE_MS = { full: 1_000, quick: 50 } as const;

export const flushes: Entrant = {
  name: "ceiling: one flush for each",
  missing: () => null,
  async measure(scale) {
    const { folder, remove } = temporaryFolder("flushes");
    const rate = flushRate(folder, SAMPLE_MS[scale]);
    await remove();
    return { "": rate };
  },
};

function flushRate(folder: string, sampleMs: number): number {
  const pages = flushedPages(folder);
  const from = performance.now();
  let count = 0;
  for (; performance.now() - from < sampleMs; count++) pages.write();
  const seconds = (performance.now() - from) / 1_000;
  pages.close();
  return count / seconds;
}
