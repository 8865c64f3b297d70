/** The quickest of the faults, once each. All of them, at length: `npm run faults`. */
import { testCluster } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { FAULTS } from "./faults.ts";
import { played } from "./play-fault.ts";

const cluster = testCluster();
const QUICK: readonly string[] = [
  "server killed between create and record",
  "two watchers that tell the same",
  "watcher killed, the next one takes its turn",
];
const FAULT_MS_MAX = 240_000;

// Where they are played is a cluster that is ours.
describe.skipIf(!cluster.mayFailNodes)("a fault on a cluster", () => {
  test.each(FAULTS.filter(({ name }) => QUICK.includes(name)))("$name", { timeout: FAULT_MS_MAX }, async (fault) => {
    const { violations, jobs } = await played(fault, cluster.address());
    expect(violations).toEqual([]);
    // An execution, and its steps.
    expect(jobs).toBeGreaterThan(1);
  });

  test("those that are played here are among them", () => {
    expect(FAULTS.map(({ name }) => name)).toEqual(expect.arrayContaining([...QUICK]));
  });
});
