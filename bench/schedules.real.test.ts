/** The measurement of schedules runs and gives figures. No figure is compared with anything. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test("so many that are due at once are measured on SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-bench-test-"));
  const json = join(folder, "figures.json");
  const options = ["--only", "due", "--due", "20", "--rounds", "1", "--entrants", "sqlite", "--json", json];
  const [code] = (await once(
    spawn(process.execPath, [join(import.meta.dirname, "schedules.ts"), ...options], { stdio: ["ignore", "ignore", "inherit"] }),
    "exit",
  )) as [number];
  const { figures } = JSON.parse(readFileSync(json, "utf8")) as { figures: readonly { entrant: string; value: number }[] };
  rmSync(folder, { recursive: true });
  expect([code, figures]).toEqual([0, [expect.objectContaining({ entrant: "windlass sqlite", value: expect.any(Number) })]]);
}, 60_000);
