/** Two servers, each with a data folder of its own, on one PostgreSQL. */
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stranger, workflowOf, type Stranger } from "./stranger.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("two servers on one store", () => {
  let [here, there]: Stranger[] = [];

  beforeAll(() => postgres.start());
  afterAll(async () => {
    await here?.leave();
    await there?.leave();
    await postgres.stop();
  });

  test("what is asked of one is known to the other, and each waits for what the other carries out", async () => {
    const store = await postgres.schema();
    const [one, other] = [stranger(), stranger()];
    [here, there] = [one, other];
    await one.server("--store", store);
    await other.server("--store", store);

    one.write("shared.yaml", workflowOf("shared", "echo shared"));
    expect((await one.windlass("workflows", "apply", "shared.yaml")).code).toBe(0);
    const runs = await Promise.all([one, other].map((at) => at.windlass("run", "shared", "--wait", "--json")));
    for (const run of runs) expect([run.code, (JSON.parse(run.stdout) as { state: string }).state]).toEqual([0, "succeeded"]);

    const lists = await Promise.all([one, other].map((at) => at.windlass("jobs", "list", "--json")));
    const ids = lists.map(({ stdout }) => (JSON.parse(stdout) as { items: { id: string }[] }).items.map(({ id }) => id));
    expect(ids[0]).toHaveLength(2);
    expect(ids[1]).toEqual(ids[0]);
    // Each shows what processes of the other printed, and says where it lies when the other is gone.
    const submitted = await one.windlass("jobs", "submit", "--json", "--", "sh", "-c", "echo printed; echo apart >&2");
    const { id } = JSON.parse(submitted.stdout) as { id: string };
    for (const at of [one, other]) {
      await at.windlass("jobs", "watch", id);
      const log = await at.windlass("logs", id, "--stream", "stdout");
      expect([log.code, log.stdout, log.stderr]).toEqual([0, "printed\n", ""]);
      expect((await at.windlass("logs", id, "--follow", "--stream", "stderr")).stdout).toBe("apart\n");
    }
    expect(JSON.parse((await other.windlass("version", "--json")).stdout)).toMatchObject({ server: expect.any(String) });
  });
});
