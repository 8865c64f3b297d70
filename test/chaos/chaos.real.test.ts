/** The short form of `npm run chaos`: two rounds on each store, with fewer jobs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { playRound } from "./round.ts";

const SHORT = { jobs: 60, durationMs: 8_000 };
const SEEDS = [1, 2];
const TIMEOUT_MS = 180_000;

const programs = findPostgres(process.env);
if (programs === null && process.env["CI"] === "true") throw new Error("PostgreSQL is not installed");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const round = (seed: number, postgres: PostgresServer | null) =>
  playRound({ ...SHORT, seed, folder: join(folder, `round-${seed}`), cacheFolder: join(folder, "cache"), postgres });

test.each(SEEDS)(
  "on SQLite nothing is lost, doubled or stuck when server and supervisor are killed and frozen (seed %i)",
  { timeout: TIMEOUT_MS },
  async (seed) => {
    const { violations, figures } = await round(seed, null);
    expect(violations).toEqual([]);
    expect(figures["effects"]).toBeGreaterThan(SHORT.jobs);
  },
);

describe.skipIf(programs === null)("on PostgreSQL, with two servers and a worker", () => {
  let postgres: PostgresServer | null = null;
  beforeAll(async () => {
    postgres = await startPostgres(programs ?? "");
  });
  afterAll(() => postgres?.stop());

  test.each(SEEDS)(
    "nothing is lost, doubled or stuck when any of them, or the database, is killed or frozen (seed %i)",
    { timeout: TIMEOUT_MS },
    async (seed) => {
      const { violations, figures } = await round(seed, postgres);
      expect(violations).toEqual([]);
      expect(figures["effects"]).toBeGreaterThan(SHORT.jobs);
    },
  );
});
