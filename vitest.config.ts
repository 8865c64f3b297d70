/** The five groups of tests. Each must find tests; `npm test` runs all of them. */
import { defineConfig } from "vitest/config";

const source = ["packages/*/src", "modules/*/src", "drivers/*/src", "programs/*/src", "bench"];
const realTests = ["**/*.real.test.ts"];
/** What talks to a cluster: one is started for all of them (test/cluster/README.md). */
const clusterTests = ["drivers/kubernetes/**/*.real.test.ts", "programs/k8s-watcher/**/*.real.test.ts", "test/cluster/**/*.test.ts"];

/** Many stores, files and threads on a machine that does other things as well: what a test finds out is never how quick it was. */
const UNIT_TIMEOUT_MS = 60_000;
/** Real servers and processes take their time on a busy machine; a test that hangs is ended all the same. */
const REAL_TIMEOUT_MS = 120_000;

/**
 * V8 keeps a list of the pages of compiled code for the sake of memory protection keys, and may abort a process that starts
 * and ends many threads (nodejs/node#64500; "Check failed: jit_page.has_value()"). Our stores have threads.
 */
const execArgv = ["--no-memory-protection-keys"];

/** Of all that wait for something. */
const setupFiles = ["test/patience.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          execArgv,
          setupFiles,
          name: "unit",
          include: [...source, "scripts"].map((folder) => `${folder}/**/*.test.ts`),
          exclude: realTests,
          testTimeout: UNIT_TIMEOUT_MS,
          hookTimeout: UNIT_TIMEOUT_MS,
        },
      },
      { test: { execArgv, name: "architecture", include: ["test/architecture/**/*.test.ts"], testTimeout: UNIT_TIMEOUT_MS } },
      {
        test: { execArgv, name: "simulation", include: ["test/simulation/**/*.test.ts"], exclude: realTests, testTimeout: REAL_TIMEOUT_MS },
      },
      {
        test: {
          execArgv,
          setupFiles,
          name: "real",
          include: [...source, "scripts", "test/simulation"]
            .map((folder) => `${folder}/**/*.real.test.ts`)
            .concat("test/e2e/**/*.test.ts", "test/chaos/**/*.test.ts", "test/soak/**/*.test.ts", "test/doors/**/*.test.ts"),
          exclude: clusterTests,
          testTimeout: REAL_TIMEOUT_MS,
          hookTimeout: REAL_TIMEOUT_MS,
          // They start processes of their own: side by side they would only slow each other down.
          fileParallelism: false,
        },
      },
      {
        test: {
          execArgv,
          setupFiles,
          name: "cluster",
          include: clusterTests,
          globalSetup: "test/cluster/set-up.ts",
          testTimeout: REAL_TIMEOUT_MS,
          hookTimeout: REAL_TIMEOUT_MS,
          // They lose nodes that others would run on.
          fileParallelism: false,
        },
      },
    ],
  },
});
