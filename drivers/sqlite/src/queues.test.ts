import { expect, test } from "vitest";
import { jobRecord, T0 } from "@windlass/testkit";
import { commit } from "./commit-jobs.ts";
import { Database } from "./database.ts";
import { listQueues } from "./queues.ts";

test("of many jobs that are ready in a queue those are counted that start first, and of the other queues all", () => {
  const db = new Database(":memory:");
  db.migrate();
  const jobs = [
    ...Array.from({ length: 7 }, (_, i) => jobRecord({ queue: "long", createdAt: T0 + i })),
    jobRecord({ queue: "long", createdAt: T0 + 9, priority: 1 }),
    ...Array.from({ length: 3 }, () => jobRecord({ queue: "short", createdAt: T0 + 1 })),
    jobRecord({ queue: "short", executor: "tool" }),
  ];
  commit(
    db,
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
  const figures = (max?: number): unknown =>
    listQueues(db, max).map(({ name, queued, oldestQueuedAt }) => [name, queued, (oldestQueuedAt ?? 0) - T0]);
  expect(figures()).toEqual([
    ["long", 8, 0],
    ["short", 4, 0],
  ]);
  expect(figures(3)).toEqual([
    ["long", 3, 0],
    ["short", 4, 0],
  ]);
  db.close();
});
