/** Who disables a workflow while something hangs. With a PostgreSQL: races.real.test.ts. */
import type pg from "pg";
import { expect, test } from "vitest";
import { T0 } from "@windlass/testkit";
import { querierOf } from "./connection.ts";
import { definitionStore } from "./small-stores.ts";

test("one who waits for a commit that does not end is told which workflow was not disabled, and what to do", async () => {
  let tries = 0;
  const client = {
    connection: { stream: { cork() {}, uncork() {}, writableLength: 0 } },
    async query(statement: string | { readonly text: string }) {
      const text = typeof statement === "string" ? statement : statement.text;
      if (text.startsWith("BEGIN")) tries++;
      if (text.includes("pg_advisory_xact_lock("))
        throw Object.assign(new Error("canceling statement due to lock timeout"), { code: "55P03" });
      return { rows: [], rowCount: 0, command: "SELECT" };
    },
    release() {},
  } as unknown as pg.PoolClient;
  const store = definitionStore(querierOf(client), { connect: async () => client } as unknown as pg.Pool);
  const mark = { workspace: "team-a", type: "workflow", name: "nightly", disabledBy: "ann", disabledAt: T0, reason: null };
  await expect(store.disable(mark)).rejects.toMatchObject({
    code: "unavailable",
    message:
      "the workflow team-a/nightly was not disabled: something that began to be stored before it has not come to its end, and it waits for that; disable it again",
  });
  expect(tries).toBe(10);
});
