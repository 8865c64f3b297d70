/** A dispatcher of its own on PostgreSQL: one pass as a CronJob has it, and the loop. */
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stranger, until, workflowOf, type Stranger } from "./stranger.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("a dispatcher apart from servers", () => {
  let me: Stranger | undefined;

  beforeAll(() => postgres.start());
  afterAll(async () => {
    await me?.leave();
    await postgres.stop();
  });

  test("makes what is due and what soon will be, tells of what it cannot make, and ends politely", async () => {
    const store = await postgres.schema();
    me = stranger();
    const server = await me.server("--store", store);
    for (const name of ["greet", "gone"]) {
      me.write(`${name}.yaml`, workflowOf(name, "echo hello"));
      await me.windlass("workflows", "apply", `${name}.yaml`);
      const options = ["--workflow", name, "--every", "20s", "--overlap", "allow", "--overlap-limit", "20"];
      expect((await me.windlass("schedules", "create", name, ...options)).code).toBe(0);
    }
    await me.windlass("workflows", "delete", "gone");
    process.kill(server.pid, "SIGTERM");
    await server.ended;

    const once = await me.windlass("dispatcher", "--once", "--store", store, "--json");
    const told = JSON.parse(once.stdout) as { evaluated: number; triggered: number; errors: { schedule: string; message: string }[] };
    expect(once.code).toBe(1);
    expect(told).toMatchObject({
      evaluated: 2,
      errors: [{ schedule: "gone", message: expect.stringContaining("there is no workflow gone") }],
    });
    expect(told.triggered).toBeGreaterThanOrEqual(3);

    const loop = me.start(["dispatcher", "--store", store]);
    await until(loop, "Looks after schedules");
    process.kill(loop.pid, "SIGTERM");
    expect((await loop.ended).code).toBe(0);
  });
});
