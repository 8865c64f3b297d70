import { afterAll, beforeAll, describe } from "vitest";
import { executorContract, testPodman } from "@windlass/testkit";
import { dockerFixture } from "./docker-fixture.ts";

const podman = testPodman();
beforeAll(() => podman.start());
afterAll(() => podman.stop());

describe.skipIf(podman.missing)("on podman", () => {
  executorContract("docker", async () => {
    const fixture = dockerFixture(podman.server);
    const { image } = podman.server;
    return {
      connect: () => fixture.connect(),
      spec: (script, more) => ({ image, command: ["/init", script], ...more }),
      badSpec: { image, comand: [] },
      missingProgram: { image, command: ["no-such-program-anywhere"] },
      readLog: async (jobId, attempt, stream) => fixture.readLog(jobId, attempt, stream),
      close: () => fixture.close(),
    };
  });
});
