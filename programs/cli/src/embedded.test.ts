import { expect, test } from "vitest";
import { openEmbedded } from "./index.ts";

test("a handler of this program carries out a job, in memory", async () => {
  const windlass = await openEmbedded({ memory: true });
  try {
    await windlass.worker({ handlers: { double: ({ input }) => (input as number) * 2 } });
    const { id } = await windlass.engine.jobs.submit({
      kind: "task",
      name: "double",
      executor: "handler",
      spec: { handler: "double" },
      input: 21,
    });
    const job = await windlass.engine.jobs.wait(id, 20_000);
    expect(job.final).toMatchObject({ state: "succeeded", output: 42 });
  } finally {
    await windlass.close();
  }
});
