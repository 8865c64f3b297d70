/**
 * How many small durable writes a second this disk takes, one after the other: nothing that commits one by one can be
 * faster. Writes over a file that is there already, as a write-ahead log does: growing a file costs a second write.
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "../cleanup.ts";
import type { Entrant } from "../row.ts";

const SAMPLE_MS = { full: 1_000, quick: 50 } as const;
const BLOCK = Buffer.alloc(4_096, 1);
const BLOCKS = 1_024;

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
  const file = openSync(join(folder, "flushes"), "w");
  writeSync(file, Buffer.alloc(BLOCK.length * BLOCKS, 1));
  fdatasyncSync(file);
  const from = performance.now();
  let count = 0;
  for (; performance.now() - from < sampleMs; count++) {
    writeSync(file, BLOCK, 0, BLOCK.length, (count % BLOCKS) * BLOCK.length);
    fdatasyncSync(file);
  }
  const seconds = (performance.now() - from) / 1_000;
  closeSync(file);
  return count / seconds;
}
