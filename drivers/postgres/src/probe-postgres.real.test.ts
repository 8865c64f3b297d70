import type { Clock } from "@windlass/ports";
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { probePostgres } from "./probe-postgres.ts";

const postgres = testPostgres();
let ticks = 0;
const clock: Clock = { now: () => 0, monotonic: () => (ticks += 5), after: () => () => {} };

describe.skipIf(postgres.missing)("a look at a database", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("version, latency, clock and what makes it durable are told", async () => {
    const probed = await probePostgres({ url: await postgres.schema(), clock, msMax: 5_000 });
    expect(probed.version).toMatch(/^PostgreSQL \d+/u);
    expect(probed.latencyMs).toBe(5);
    expect(probed.clockReading).toMatchObject({ askedAt: 0, answeredAt: 0 });
    expect(probed.clockReading.theirs).toBeGreaterThan(Date.parse("2025-01-01T00:00:00Z"));
    expect(Object.keys(probed.settings).toSorted()).toEqual(["fsync", "full_page_writes", "server_version", "synchronous_commit"]);
  });

  test("one that is not there is said so", async () => {
    await expect(probePostgres({ url: "postgres://127.0.0.1:9/none", clock, msMax: 1_000 })).rejects.toThrow(/ECONNREFUSED/u);
  });
});
