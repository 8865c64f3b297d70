/** What is told to end, or is done, and its store does not answer. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { stranger, workflowOf, type Stranger } from "./stranger.ts";

const postgres = testPostgres();

let me: Stranger;
beforeEach(() => {
  me = stranger();
});
afterEach(() => me.leave());

test.each([
  ["server", ["server", "--port", "0"]],
  ["spawner", ["spawner"]],
  ["dispatcher", ["dispatcher"]],
  ["first server", ["start", "--port", "0"]],
])("a %s that waits for its store ends when it is told to", async (_, args) => {
  const silent = createServer((socket) => socket.on("error", () => {}).resume());
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo;
  const asked = once(silent, "connection");
  const starting = me.start(args, {
    WINDLASS_STORE_URL: `postgres://windlass@127.0.0.1:${port}/windlass`,
    WINDLASS_DRAIN_SECONDS: "0",
    WINDLASS_NOTICES_URL: "nats://127.0.0.1:1",
    WINDLASS_NOTICES_SIGNING: "off",
    WINDLASS_RUNNER_URL: "http://127.0.0.1:1",
  });
  await asked;
  starting.kill("SIGTERM");
  expect(await starting.ended).toMatchObject({ code: 0, stderr: expect.stringContaining("It ends now") });
  silent.close();
});

describe.skipIf(postgres.missing)("a database that stands still", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("does not keep a run in this folder from ending with the code of its job", async () => {
    const store = new URL((await postgres.schema()).replace("@/", "@127.0.0.1/"));
    const path = `${store.searchParams.get("host")}/.s.PGSQL.5432`;
    let isFrozen = false;
    const between = createServer((near) => {
      const far = connect(path);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on("error", () => to.destroy()).on("close", () => to.destroy());
        // The first that a program does when it closes its store.
        from.on("data", (data: Buffer) => void ((isFrozen ||= data.includes("DELETE FROM sessions")) || to.write(data)));
      }
    });
    await once(between.listen(0, "127.0.0.1"), "listening");
    store.port = String((between.address() as AddressInfo).port);
    store.searchParams.delete("host");
    me.write("fails.yaml", workflowOf("fails", "exit 3"));
    const running = me.start(["run", "fails.yaml", "--local", "--wait"], { WINDLASS_STORE_URL: store.href, WINDLASS_DRAIN_SECONDS: "0" });
    expect(await running.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("It ends now") });
    expect(isFrozen).toBe(true);
    between.close();
  });
});
