import { afterAll, beforeAll, describe } from "vitest";
import { executorContract, testDocker, testPodman } from "@windlass/testkit";
import { dockerFixture } from "./docker-fixture.ts";

for (const engine of [testPodman(), testDocker()])
  describe.skipIf(engine.missing)(`on ${engine.name}`, () => {
    beforeAll(() => engine.start());
    afterAll(() => engine.stop());

    executorContract("docker", async () => {
      const fixture = dockerFixture(engine.server);
      const { image } = engine.server;
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
