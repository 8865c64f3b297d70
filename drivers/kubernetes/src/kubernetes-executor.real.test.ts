/** The contract of executors, and what a cluster alone can show, on a real one. */
import { afterAll, describe } from "vitest";
import { executorContract, INIT, testCluster } from "@windlass/testkit";
import { clusterFixture } from "./cluster-fixture.ts";
import { watchPlace } from "./watch-fixture.ts";

const cluster = testCluster();

describe.skipIf(cluster.missing)("on a cluster", () => {
  const fixture = clusterFixture(cluster);
  afterAll(() => fixture.close());

  executorContract("kubernetes", async () => {
    const { client, namespace } = await fixture.open();
    const place = fixture.newPlace();
    const logs = new Map<string, Buffer>();
    const { image } = cluster;
    return {
      connect: () => fixture.connect({ place, namespace }),
      spec: (script, more) => ({ image, command: ["sh", "-c", INIT, "init", script], ...more }),
      badSpec: { image, comand: [] },
      missingProgram: { image, command: ["no-such-program-anywhere"] },
      readLog: async (jobId) => logs.get(jobId) ?? Buffer.alloc(0),
      watch: (tell) => watchPlace({ client, namespace, place, logs }, tell),
      hasOneStream: true,
      close: async () => {},
    };
  });
});
