/** Operations that come in the instant in which an execution begins, or between two of its steps: on SQLite, and at two servers on one PostgreSQL. */
import { client, type Client } from "@windlass/sdk";
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const LANES = 10;
const TURNS = 5;
const postgres = testPostgres();

const workflowOf = (steps: string): string => `apiVersion: windlass.dev/v1\nkind: Workflow\nmetadata: {name: hasty}\nsteps:\n${steps}`;
const ITEMS = workflowOf(`  - {name: each, foreach: [a, b, c], max_parallel: 1, tool: {kind: wait, signal: go}}
output: "{{ each.output }}"
`);
const NAMES = workflowOf(`  - {name: one, foreach: [a, b], tool: {kind: wait, signal: "x-{{ item }}"}}
  - {name: two, foreach: [a, b], tool: {kind: wait, signal: "y-{{ item }}"}}
output: ["{{ one.output }}", "{{ two.output }}"]
`);
const ROUNDS = workflowOf(`  - {name: poll, until: poll.output == 1, tool: {kind: wait, signal: go}}
  - {name: next, needs: [poll], tool: {kind: wait, signal: go}}
output: "{{ next.output }}"
`);
const TIDY = workflowOf(`  - {name: a, tool: {kind: noop}}
  - {name: b, needs: [a], tool: {kind: noop}}
  - {name: c, needs: [b], tool: {kind: noop}}
finally:
  - {name: tidy, tool: {kind: noop}}
`);

describe.each(["SQLite", "two servers on PostgreSQL"])("on %s", (store) => {
  const isPostgres = store !== "SQLite";
  const here: Stranger[] = [];
  const apis: Client[] = [];

  describe.skipIf(isPostgres && postgres.missing)("of many executions each", () => {
    beforeAll(async () => {
      if (isPostgres) await postgres.start();
      const url = isPostgres ? ["--store", await postgres.schema()] : [];
      for (let servers = isPostgres ? 2 : 1; servers > 0; servers--) {
        const one = stranger();
        here.push(one);
        const server = await one.server(...url);
        apis.push(client({ url: server.url, token: one.read(".windlass/token").trim() }));
      }
    });

    afterAll(async () => {
      for (const one of here) await one.leave();
      if (isPostgres) await postgres.stop();
    });

    /** Many at once, each with calls to one server and the other in turn. */
    const many = async (source: string, act: (api: () => Client, id: string, turn: number) => Promise<void>): Promise<void> => {
      const lanes = Array.from({ length: LANES }, async (_, lane) => {
        let calls = lane;
        const api = (): Client => apis[calls++ % apis.length] as Client;
        for (let turn = 0; turn < TURNS; turn++) await act(api, (await api().workflows.run({ source })).job.id, lane + turn);
      });
      await Promise.all(lanes);
    };

    test("gives its items what they are sent, in order", async () => {
      await many(ITEMS, async (api, id) => {
        for (const data of [1, 2, 3]) await api().jobs.signal({ id, name: "go", data });
        expect((await api().wait(id)).output).toEqual([1, 2, 3]);
      });
    });

    test("gives its items what they wait for, whatever else is sent, and twice", async () => {
      await many(NAMES, async (api, id) => {
        // The last one ends it.
        for (const name of ["y-b", "y-b", "other", "x-a", "x-b", "y-a"]) await api().jobs.signal({ id, name, data: name });
        expect((await api().wait(id)).output).toEqual([
          ["x-a", "x-b"],
          ["y-a", "y-b"],
        ]);
      });
    });

    test("goes on with what its repeated step has not used", async () => {
      await many(ROUNDS, async (api, id) => {
        for (const data of [0, 1, 2]) await api().jobs.signal({ id, name: "go", data });
        expect((await api().wait(id)).output).toBe(2);
      });
    });

    test("that has begun when it is cancelled cleans up", async () => {
      await many(TIDY, async (api, id, turn) => {
        // Each turn comes a little later.
        for (let looks = turn % 8; looks > 0; looks--) await api().jobs.get({ id });
        await api()
          .jobs.cancel({ id })
          .catch((error: { readonly code: string }) => expect(error.code).toBe("job_finished"));
        const { startedAt } = await api().wait(id);
        const { items } = await api().jobs.list({ rootId: id });
        expect(items.filter(({ name, state }) => name === "tidy" && state === "succeeded")).toHaveLength(startedAt === null ? 0 : 1);
      });
    });
  });
});
