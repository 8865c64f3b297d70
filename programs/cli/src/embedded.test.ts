import { expect, test } from "vitest";
import { openEmbedded } from "./index.ts";

const EVERYTHING = { types: [], kinds: [], names: [], outcomes: [], labels: {} };

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

test("in memory, too, webhooks are called, and only at addresses that the rules allow", async () => {
  const windlass = await openEmbedded({ memory: true });
  try {
    const hook = (name: string, url: string) =>
      windlass.engine.webhooks.create({ workspace: "default", name }, { url, filter: EVERYTHING }, "somebody");
    await expect(hook("here", "http://127.0.0.1:9/")).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("http.deny"),
    });
    expect((await hook("there", "https://hooks.example.org/x")).webhook).toMatchObject({ name: "there", revision: 1 });
  } finally {
    await windlass.close();
  }
});
