/** The command by which anybody tries the deaths on a cluster of their own: once each here. */
import { testCluster } from "@windlass/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stranger, type Stranger } from "../e2e/stranger.ts";

const cluster = testCluster();
/** A kubelet looks at the disk once in ten seconds, and at what was evicted some time later. */
const MS_MAX = 300_000;
const DEATHS_FOR_MEMORY: ReadonlySet<string> = new Set(["oom", "oom-child"]);

/**
 * A container runtime that hears of the exit before it hears of the kill for memory never says OOMKilled: all that is known
 * then is SIGKILL at a limit, and `maybe_oom` is what may be said of it (seen now and then).
 */
function isUntoldByTheRuntime({ death, told }: { readonly death: string; readonly told: readonly string[] }): boolean {
  return DEATHS_FOR_MEMORY.has(death) && told.every((one) => one === "failed maybe_oom");
}

describe.skipIf(cluster.missing)("windlass conformance kubernetes", () => {
  let here: Stranger;
  beforeEach(() => {
    here = stranger();
  });
  afterEach(() => here.leave());

  test(
    "each death is told as what it was, and nothing is left",
    async () => {
      const { stdout, stderr, code } = await here.start(["conformance", "kubernetes", "--json"], { KUBECONFIG: cluster.kubeconfig }).ended;
      const { right, all, deaths } = JSON.parse(stdout) as {
        readonly right: number;
        readonly all: number;
        readonly deaths: readonly { readonly death: string; readonly right: number; readonly told: readonly string[] }[];
      };
      const wrong = deaths.filter((one) => one.right === 0);
      expect(wrong.filter((one) => !isUntoldByTheRuntime(one))).toEqual([]);
      expect([right, code === 0], stderr).toEqual([all - wrong.length, wrong.length === 0]);
      expect(all).toBeGreaterThanOrEqual(20);
    },
    MS_MAX,
  );
});
