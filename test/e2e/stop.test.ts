/** A server that is told to end while it starts, and its store does not answer. */
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

let me: Stranger;
beforeEach(() => {
  me = stranger();
});
afterEach(() => me.leave());

test.each([
  ["server", ["server", "--port", "0"]],
  ["spawner", ["spawner"]],
])("a %s that waits for its store ends when it is told to", async (_, args) => {
  const silent = createServer((socket) => socket.on("error", () => {}).resume());
  await once(silent.listen(0, "127.0.0.1"), "listening");
  const { port } = silent.address() as AddressInfo;
  const asked = once(silent, "connection");
  const starting = me.start([...args, "--store", `postgres://windlass@127.0.0.1:${port}/windlass`], {
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
