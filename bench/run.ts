/**
 * Measures the core on this machine: `npm run bench`. Prints one table, with the machine's own flush rate, for every
 * figure of a durable store hangs on it. Several rounds, the median with the lowest and the highest.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openEmbedded } from "@windlass/windlass";
import { flushRate } from "./flush-rate.ts";
import { drain, enqueue, idleLatency, processes, type Figures } from "./workloads.ts";

const ROUNDS = Number(process.argv[2] ?? 3);

const figures: Figures = new Map();
const note = (name: string, value: number): void => void figures.set(name, [...(figures.get(name) ?? []), value]);

for (let round = 0; round < ROUNDS; round++) {
  const folder = mkdtempSync(join(tmpdir(), "windlass-bench-"));
  const windlass = await openEmbedded({ dataFolder: folder });
  try {
    note("flushes of this disk, one at a time (1/s)", flushRate(folder));
    note("enqueue, 1 in flight (jobs/s)", await enqueue(windlass, { inFlight: 1, count: 500 }));
    note("enqueue, 50 in flight (jobs/s)", await enqueue(windlass, { inFlight: 50, count: 20_000 }));
    note("drain, concurrency 10 (jobs/s)", await drain(windlass, { concurrency: 10, count: 10_000 }));
    note("drain, concurrency 100 (jobs/s)", await drain(windlass, { concurrency: 100, count: 20_000 }));
    for (const [name, value] of await idleLatency(windlass, 200)) note(name, value);
    note("processes, /bin/true, 16 at once (jobs/s)", await processes(windlass, 500));
  } finally {
    await windlass.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const rows = [...figures].map(([name, values]) => {
  const sorted = values.toSorted((a, b) => a - b);
  const show = (value: number | undefined): string =>
    value === undefined ? "" : value < 10 ? value.toFixed(2) : String(Math.round(value));
  return [name, show(sorted[Math.floor(sorted.length / 2)]), show(sorted[0]), show(sorted.at(-1))];
});
const table = [["what", "median", "min", "max"], ...rows];
const width = Math.max(...table.map(([name]) => name?.length ?? 0));
for (const [name = "", ...values] of table)
  process.stdout.write(`${name.padEnd(width)}  ${values.map((value) => value.padStart(9)).join(" ")}\n`);
process.exit(0);
