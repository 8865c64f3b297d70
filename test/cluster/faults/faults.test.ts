/** The short form of `npm run faults`: those that no other test brings about, once each. */
import { testCluster } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { violationsOf } from "./check-history.ts";
import { faultSite } from "./fault-site.ts";
import { FAULTS } from "./faults.ts";
import { readHistory } from "./read-history.ts";

const cluster = testCluster();
const HERE = [
  "API server killed and begun again while Jobs run",
  "watch cut, and its version forgotten (410)",
  "two watchers that tell the same",
];
/** Each waits for what must come, and the machine may be busy. */
const MS_MAX = 600_000;

describe.skipIf(cluster.missing || !cluster.mayFailNodes)("faults on a cluster", () => {
  test.each(FAULTS.filter(({ name }) => HERE.includes(name)))("$name", { timeout: MS_MAX }, async ({ play }) => {
    const site = await faultSite(cluster.address(), cluster.image);
    try {
      await play(site);
      expect(violationsOf(await readHistory(site))).toEqual([]);
    } finally {
      await site.leave();
    }
  });
});
