/** The short form of `npm run chaos`: on each store two rounds with fewer jobs, and one of executions only. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { playRound, type RoundOptions } from "./round.ts";

const JOBS = 60;
const EXECUTIONS = 12;
const DURATION_MS = 8_000;
/** Steps that do something, of each execution: eight, and a loop of four. */
const EFFECTS_OF_EXECUTION = 12;
const SEEDS = [1, 2];
const SEED_OF_EXECUTIONS = 3;
const TIMEOUT_MS = 400_000;

const programs = findPostgres(process.env);
if (programs === null && process.env["CI"] === "true") throw new Error("PostgreSQL is not installed");
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const round = (seed: number, postgres: PostgresServer | null, load: RoundOptions["load"] = { jobs: JOBS }) =>
  playRound({
    load,
    durationMs: DURATION_MS,
    seed,
    folder: join(folder, `round-${seed}`),
    cacheFolder: join(folder, "cache"),
    postgres,
  });

test.each(SEEDS)(
  "on SQLite nothing is lost, doubled or stuck when server and supervisor are killed and frozen (seed %i)",
  { timeout: TIMEOUT_MS },
  async (seed) => {
    const { violations, figures } = await round(seed, null);
    expect(violations).toEqual([]);
    expect(figures["effects"]).toBeGreaterThan(JOBS);
  },
);

test(
  "on SQLite every execution comes to its end, each step as often as its attempts say, when all are killed and frozen",
  { timeout: TIMEOUT_MS },
  async () => {
    const { violations, figures } = await round(SEED_OF_EXECUTIONS, null, { executions: EXECUTIONS });
    expect(violations).toEqual([]);
    expect(figures["effects"]).toBeGreaterThan(EXECUTIONS * EFFECTS_OF_EXECUTION);
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
      expect(figures["effects"]).toBeGreaterThan(JOBS);
    },
  );

  test("every execution comes to its end, each step as often as its attempts say", { timeout: TIMEOUT_MS }, async () => {
    const { violations, figures } = await round(SEED_OF_EXECUTIONS, postgres, { executions: EXECUTIONS });
    expect(violations).toEqual([]);
    expect(figures["effects"]).toBeGreaterThan(EXECUTIONS * EFFECTS_OF_EXECUTION);
  });
});
