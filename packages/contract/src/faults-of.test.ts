import { expect, test } from "vitest";
import { faultsOf } from "./faults-of.ts";
import { submission } from "./job-operations.ts";
import { operations } from "./operations.ts";

const job = { kind: "task", name: "work", executor: "handler", spec: { handler: "work" } } as const;

/** What a schema says of it, and how many of its entries were looked at. */
function looked(count: number) {
  let reads = 0;
  const entries = Object.fromEntries(Array.from({ length: count }, (_, n) => [`label-${n}`, 1]));
  const labels = new Proxy(entries, {
    get(target, name, receiver) {
      reads++;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  const input = { ...job, labels };
  const { error } = submission.safeParse(input);
  if (error === undefined) throw new Error("it was taken");
  const faults = faultsOf(error, input, submission);
  return { faults, issues: error.issues.length, reads };
}

test("of more labels than there may be none is looked at: a request has room for hundreds of thousands", () => {
  const { faults, issues, reads } = looked(20_000);
  expect(faults).toEqual([{ path: "labels", message: "labels has 20000 entries; it must have at most 64" }]);
  expect(issues).toBe(1);
  expect(reads).toBeLessThan(100);
});

test("of as many as there may be, each that is wrong is told", () => {
  const { faults } = looked(64);
  expect(faults).toHaveLength(64);
  expect(faults[63]).toEqual({ path: "labels.label-63", message: "labels.label-63 is 1; it must be text" });
});

test("the first hundred faults are told, and how many more there are", () => {
  const { body } = operations.jobs.submitMany;
  const input = { jobs: [...Array.from({ length: 60 }, () => ({ ...job, name: 1, spec: 1 })), { ...job, a: 1, b: 2, c: 3 }] };
  const { error } = body.safeParse(input);
  if (error === undefined) throw new Error("it was taken");
  const faults = faultsOf(error, input, body);
  expect(faults).toHaveLength(101);
  expect(faults.slice(-2)).toEqual([
    { path: "jobs[49].spec", message: "jobs[49].spec is 1: expected an object" },
    { path: "", message: "23 more faults are not listed" },
  ]);
});
