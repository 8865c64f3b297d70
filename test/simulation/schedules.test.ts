/** 400 days in five zones, with outages: rows = expected, jobs = fired, nothing twice. Some seeds more, over fewer days. */
import { expect, test } from "vitest";
import { runSchedules } from "./schedule-scenario.ts";

test.each([
  ["America/New_York", "2024-01-01T00:00:00Z"],
  ["Europe/Berlin", "2024-02-20T00:00:00Z"],
  ["Australia/Lord_Howe", "2023-09-01T00:00:00Z"],
  ["Asia/Kolkata", "2024-01-01T00:00:00Z"],
  ["America/Sao_Paulo", "2018-02-01T00:00:00Z"],
])("400 days in %s", { timeout: 600_000 }, async (timezone, start) => {
  const { times, jobs } = await runSchedules({ seed: 1, timezone, days: 400, start });
  expect(times).toBeGreaterThan(5_000);
  expect(jobs).toBeGreaterThan(400);
});

test.each([2, 3, 4])("thirty days, seed %i", { timeout: 600_000 }, async (seed) => {
  const { times } = await runSchedules({ seed, timezone: "America/New_York", days: 30, start: "2024-02-25T00:00:00Z" });
  expect(times).toBeGreaterThan(300);
});
