/** The measurement of schedules runs and gives figures. No figure is compared with anything. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { QUEUES } from "./schedules/queues.ts";

interface Figure {
  readonly what: string;
  readonly entrant: string;
  readonly value: number;
}

async function figuresOf(...options: readonly string[]): Promise<readonly Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-bench-test-"));
  const json = join(folder, "figures.json");
  const program = [join(import.meta.dirname, "schedules.ts"), ...options, "--json", json];
  const [code] = (await once(spawn(process.execPath, program, { stdio: ["ignore", "ignore", "inherit"] }), "exit")) as [number];
  expect(code).toBe(0);
  const { figures } = JSON.parse(readFileSync(json, "utf8")) as { figures: readonly Figure[] };
  rmSync(folder, { recursive: true });
  return figures;
}

test("so many that are due at once are measured on SQLite", async () => {
  const figures = await figuresOf("--only", "due", "--due", "20", "--rounds", "1", "--entrants", "sqlite");
  const one = { entrant: "windlass sqlite", value: expect.any(Number) };
  expect(figures).toEqual([
    expect.objectContaining({ ...one, what: "20 due in the same second, until all are queued" }),
    expect.objectContaining({ ...one, what: "20 due in the same second, processor time of this process" }),
  ]);
}, 60_000);

test("each queue for notices takes and hands out all of them, beside a plain client of its broker", async () => {
  const figures = await figuresOf("--only", "queues", "--notices", "120", "--rounds", "1");
  const entrants = QUEUES.filter((queue) => queue.missing() === null).map(({ name }) => name);
  expect(figures.map(({ what, entrant }) => `${entrant}: ${what}`)).toEqual(
    entrants.flatMap((name) => [`${name}: 120 notices, sent`, `${name}: 120 notices, received and acknowledged`]),
  );
  expect(entrants.length).toBeGreaterThan(1);
  for (const { value } of figures) expect(value).toBeGreaterThan(0);
}, 120_000);
