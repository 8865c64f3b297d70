/** How many small durable writes a second this disk takes, one after the other: the ceiling for anything that commits one by one. */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const SAMPLE_MS = 1_000;
const BLOCK = Buffer.alloc(4_096, 1);

export function flushRate(folder: string): number {
  const file = openSync(join(folder, "flush-rate"), "w");
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < SAMPLE_MS; count++) {
    writeSync(file, BLOCK);
    fdatasyncSync(file);
  }
  const seconds = (performance.now() - start) / 1_000;
  closeSync(file);
  return count / seconds;
}
