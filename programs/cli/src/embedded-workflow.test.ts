/** Workflows in a program of one's own: a step that parks, and one that calls an address. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parked } from "@windlass/kernel";
import { executionOf, parseWorkflow, specOf } from "@windlass/workflows";
import { expect, test } from "vitest";
import { openEmbedded } from "./index.ts";

const HEAD = "apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: w}\n";

function execution(text: string): ReturnType<typeof executionOf> {
  const parsed = parseWorkflow(HEAD + text);
  if ("faults" in parsed) throw new Error(JSON.stringify(parsed.faults));
  return executionOf({ definition: specOf(parsed.workflow), versionId: null, input: {} });
}

test("a step whose handler parks is ended later by whoever has its token, and the execution goes on", async () => {
  const windlass = await openEmbedded({ memory: true });
  try {
    const tokens = Promise.withResolvers<string>();
    await windlass.worker({
      handlers: {
        order: async (job) => {
          tokens.resolve(await job.completionToken());
          return parked();
        },
        ship: ({ input }) => input,
      },
    });
    const text = `steps:
  - {name: order, tool: {kind: handler, handler: order}}
  - {name: ship, needs: [order], tool: {kind: handler, handler: ship, input: {parcel: "{{ order.number }}"}}}
output: "{{ ship.output }}"`;
    const { id } = await windlass.engine.jobs.submit(execution(text));
    await windlass.engine.jobs.complete(await tokens.promise, { output: { number: 7 } });
    expect((await windlass.engine.jobs.wait(id, 20_000)).final).toMatchObject({ state: "succeeded", output: { parcel: 7 } });
  } finally {
    await windlass.close();
  }
});

test("addresses are called from a program, too, by the rules of its settings", async () => {
  const server = createServer((_, response) => response.end("hello"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const windlass = await openEmbedded({ memory: true, settings: { "http.allow": "127.0.0.1" } });
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { id } = await windlass.engine.jobs.submit(
      execution(`steps: [{name: get, tool: {kind: http, url: "${url}"}}]\noutput: "{{ get.body }}"`),
    );
    expect((await windlass.engine.jobs.wait(id, 20_000)).final).toMatchObject({ state: "succeeded", output: "hello" });
  } finally {
    await windlass.close();
    server.close();
  }
});
