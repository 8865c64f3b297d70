/** The short form of `npm run chaos:schedules`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testPostgres } from "@windlass/testkit";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { playScheduleRound } from "./schedule-round.ts";

const DURATION_MS = 30_000;
const TIMEOUT_MS = 300_000;

describe.skipIf(testPostgres().missing)("schedules whose dispatcher, servers, runners and database are killed and frozen", () => {
  let postgres: PostgresServer | undefined;
  const folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
  beforeAll(async () => {
    postgres = await startPostgres(findPostgres(process.env) ?? "");
  });
  afterAll(async () => {
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("each time has its row, each row its execution, and each execution its work, once", { timeout: TIMEOUT_MS }, async () => {
    if (postgres === undefined) throw new Error("there is no PostgreSQL");
    const { violations, figures } = await playScheduleRound({
      seed: 1,
      schedules: 8,
      durationMs: DURATION_MS,
      folder: join(folder, "round"),
      cacheFolder: join(folder, "cache"),
      postgres,
    });
    expect(violations).toEqual([]);
    expect(figures["executions"]).toBeGreaterThanOrEqual(8);
  });
});
