import type { HandlerContext, JsonObject } from "@windlass/kernel";
import { realClock } from "@windlass/testkit/fakes";
import { expect, test } from "vitest";
import { runShell } from "./shell-step.ts";

const PATH = process.env["PATH"];

async function run(spec: JsonObject, lines: string[] = []) {
  const step = {
    spec,
    input: {},
    secretEnvironment: {},
    secrets: {},
    about: { id: "job_1", name: "one", rootId: "job_1", workspace: "default" },
  };
  const context: HandlerContext = {
    jobId: "job_1",
    name: "one",
    attempt: 1,
    input: {},
    labels: {},
    traceparent: null,
    signal: new AbortController().signal,
    progress: async () => {},
    log: (line) => void lines.push(line),
    completionToken: async () => "",
  };
  return runShell(step, context, { environment: { PATH }, clock: realClock });
}

test("what a step wrote into its output file is its output", async () => {
  expect(await run({ script: `echo '{"n":1}' > $WINDLASS_OUTPUT` })).toMatchObject({ outcome: "succeeded", output: { n: 1 } });
});

test("a pipe in the place of the output file is not waited for", async () => {
  expect(await run({ script: "rm -f $WINDLASS_OUTPUT; mkfifo $WINDLASS_OUTPUT" })).toMatchObject({
    outcome: "failed",
    reason: "output_invalid",
    message: "WINDLASS_OUTPUT is not an ordinary file any more",
  });
});
