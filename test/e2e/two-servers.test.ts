/** Two servers, each with a data folder of its own, on one PostgreSQL. */
import { client, type Client } from "@windlass/sdk";
import { testPostgres } from "@windlass/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stranger, workflowOf, type Server, type Stranger } from "./stranger.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("two servers on one store", () => {
  let one: Stranger;
  let other: Stranger;
  let at: readonly [Server, Server];

  beforeAll(async () => {
    [one, other] = [stranger(), stranger()];
    await postgres.start();
    const store = await postgres.schema();
    at = [await one.server("--store", store), await other.server("--store", store)];
  });
  afterAll(async () => {
    await one.leave();
    await other.leave();
    await postgres.stop();
  });

  test("what is asked of one is known to the other, and each waits for what the other carries out", async () => {
    one.write("shared.yaml", workflowOf("shared", "echo shared"));
    expect((await one.windlass("workflows", "apply", "shared.yaml")).code).toBe(0);
    const runs = await Promise.all([one, other].map((site) => site.windlass("run", "shared", "--wait", "--json")));
    for (const run of runs) expect([run.code, (JSON.parse(run.stdout) as { state: string }).state]).toEqual([0, "succeeded"]);

    const lists = await Promise.all([one, other].map((site) => site.windlass("jobs", "list", "--json")));
    const ids = lists.map(({ stdout }) => (JSON.parse(stdout) as { items: { id: string }[] }).items.map(({ id }) => id));
    expect(ids[0]).toHaveLength(2);
    expect(ids[1]).toEqual(ids[0]);
    // Each shows what processes of the other printed, and says where it lies when the other is gone.
    const submitted = await one.windlass("jobs", "submit", "--json", "--", "sh", "-c", "echo printed; echo apart >&2");
    const { id } = JSON.parse(submitted.stdout) as { id: string };
    for (const site of [one, other]) {
      await site.windlass("jobs", "watch", id);
      const log = await site.windlass("logs", id, "--stream", "stdout");
      expect([log.code, log.stdout, log.stderr]).toEqual([0, "printed\n", ""]);
      expect((await site.windlass("logs", id, "--follow", "--stream", "stderr")).stdout).toBe("apart\n");
    }
    expect(JSON.parse((await other.windlass("version", "--json")).stdout)).toMatchObject({ server: expect.any(String) });
  });

  test("what is revoked at one ends at once on the other: streams on which nothing happens, and no others", async () => {
    const api = apiOf(one, at[0]);
    const { id } = await api.jobs.submit({ kind: "task", name: "none", executor: "handler", spec: { handler: "none" }, queue: "nobodys" });
    // Each with what it says at last.
    const paths = { events: "cancelled", [`jobs/${id}/watch`]: "cancelled", [`jobs/${id}/logs/follow`]: '"end"' };
    const open = async (name: string) => {
      const { secret } = await api.tokens.create({ name, roles: ["read"] });
      return Promise.all(Object.keys(paths).map((path) => watched(`${at[1].url}/api/v1/${path}`, secret)));
    };
    const [stays, gone] = [await open("stays"), await open("gone")];
    await api.tokens.revoke({ id: "gone" });
    for (const stream of gone) await stream.end();
    await api.jobs.cancel({ id });
    // Had those ended only at a sign of life of their own, these would have had theirs: they began before them.
    for (const [index, last] of Object.values(paths).entries()) expect(await stays[index]?.until(last)).not.toContain(": alive");
  });
});

function apiOf(site: Stranger, { url }: Server): Client {
  return client({ url, token: site.read(".windlass/token").trim() });
}

/** A stream that has begun. */
async function watched(url: string, secret: string) {
  const { status, body } = await fetch(url, { headers: { authorization: `Bearer ${secret}` } });
  expect([url, status]).toEqual([url, 200]);
  const reader = (body ?? expect.fail("it is a stream")).pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const read = async (): Promise<boolean> => {
    const { done, value = "" } = await reader.read();
    text += value;
    return !done;
  };
  await read();
  return {
    async end() {
      while (await read());
    },
    /** All that came until then. */
    async until(wanted: string) {
      while (!text.includes(wanted)) if (!(await read())) expect.fail(`it ended without ${wanted}: ${text}`);
      await reader.cancel();
      return text;
    },
  };
}
