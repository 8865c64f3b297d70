/** The short form of `npm run chaos:schedules`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testNats, testPostgres, type NatsServer } from "@windlass/testkit";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { playScheduleRound } from "./schedule-round.ts";

const DURATION_MS = 30_000;
const TIMEOUT_MS = 300_000;

const broker = testNats();

describe.skipIf(testPostgres().missing || broker.missing)(
  "schedules whose dispatcher, spawner, broker, servers, runners and database are killed and frozen",
  () => {
    let postgres: PostgresServer | undefined;
    let nats: NatsServer | undefined;
    const folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
    beforeAll(async () => {
      postgres = await startPostgres(findPostgres(process.env) ?? "");
      nats = await broker.start();
    });
    afterAll(async () => {
      await nats?.stop();
      await postgres?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    test("each time has its row, each row its execution, and each execution its work, once", { timeout: TIMEOUT_MS }, async () => {
      if (postgres === undefined || nats === undefined) throw new Error("there is no PostgreSQL or no NATS");
      const { violations, figures } = await playScheduleRound({
        seed: 1,
        schedules: 8,
        durationMs: DURATION_MS,
        folder: join(folder, "round"),
        cacheFolder: join(folder, "cache"),
        postgres,
        nats,
      });
      expect(violations).toEqual([]);
      expect(figures["executions"]).toBeGreaterThanOrEqual(8);
    });
  },
);
