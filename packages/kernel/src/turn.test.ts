import fc from "fast-check";
import { expect, test } from "vitest";
import { inTurns, mergeQueues } from "./turn.ts";

interface Row {
  readonly id: string;
  readonly priority: number;
  readonly fairnessKey: string;
}

const backlog: fc.Arbitrary<Row[]> = fc
  .array(fc.record({ priority: fc.integer({ min: 0, max: 2 }), fairnessKey: fc.constantFrom("", "a", "b", "c", "d") }), { maxLength: 40 })
  .map((rows) => rows.map((row, i) => ({ ...row, id: `job_${String(i).padStart(3, "0")}` })).toSorted(asIndexed));

/** The order of the index that rows are read from. */
function asIndexed(a: Row, b: Row): number {
  return b.priority - a.priority || (a.fairnessKey === b.fairnessKey ? (a.id < b.id ? -1 : 1) : a.fairnessKey < b.fairnessKey ? -1 : 1);
}

const after = fc.constantFrom(undefined, "", "a", "b", "z");

test("between two jobs of one key, each other key that waits has one turn at most, and one at least", () => {
  fc.assert(
    fc.property(backlog, after, (rows, from) => {
      const order = inTurns(rows, from);
      expect(order.toSorted(asIndexed)).toEqual(rows);
      for (const [i, job] of order.entries()) {
        const next = order.findIndex((other, k) => k > i && other.fairnessKey === job.fairnessKey && other.priority === job.priority);
        if (next === -1) continue;
        expect((order[next] as Row).id > job.id).toBe(true);
        const between = order.slice(i + 1, next).map(({ fairnessKey }) => fairnessKey);
        expect(new Set(between).size).toBe(between.length);
        for (const later of order.slice(next + 1))
          if (later.priority === job.priority && later.fairnessKey !== job.fairnessKey) expect(between).toContain(later.fairnessKey);
      }
      const priorities = order.map(({ priority }) => priority);
      expect(priorities).toEqual(priorities.toSorted((a, b) => b - a));
    }),
  );
});

test("turns begin behind the key that was served last", () => {
  const rows = ["", "a", "b"].map((fairnessKey, i) => ({ id: `job_${i}`, priority: 0, fairnessKey }));
  const keysAfter = (key: string | undefined): string[] => inTurns(rows, key).map(({ fairnessKey }) => fairnessKey);
  expect(keysAfter(undefined)).toEqual(["", "a", "b"]);
  expect(keysAfter("a")).toEqual(["b", "", "a"]);
  expect(keysAfter("b")).toEqual(["", "a", "b"]);
});

test("several queues come by priority, then age, each in its own order", () => {
  fc.assert(
    fc.property(backlog, fc.array(fc.nat(2), { minLength: 40, maxLength: 40 }), after, (rows, queueOf, from) => {
      const queues = [0, 1, 2].map((queue) =>
        inTurns(
          rows.filter((_, i) => queueOf[i] === queue),
          from,
        ),
      );
      const merged = mergeQueues(queues);
      expect(merged.toSorted(asIndexed)).toEqual(rows);
      for (const queue of queues) expect(merged.filter((job) => queue.includes(job))).toEqual(queue);
      const priorities = merged.map(({ priority }) => priority);
      expect(priorities).toEqual(priorities.toSorted((a, b) => b - a));
      const plain = rows.map((row) => ({ ...row, fairnessKey: "" })).toSorted(asIndexed);
      const lists = [0, 1, 2].map((queue) => plain.filter((_, i) => queueOf[i] === queue));
      expect(mergeQueues(lists)).toEqual(plain);
    }),
  );
});
