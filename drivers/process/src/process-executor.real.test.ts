import { executorContract } from "@windlass/testkit";
import { processFixture } from "./process-fixture.ts";

executorContract("process", async () => {
  const fixture = processFixture();
  return {
    connect: () => fixture.connect(),
    spec: (script, more) => ({ script, ...more }),
    badSpec: { command: [], shel: "sh" },
    missingProgram: { command: ["no-such-program-anywhere"] },
    readLog: async (jobId, attempt, stream) => fixture.readLog(jobId, attempt, stream),
    close: () => fixture.close(),
  };
});
