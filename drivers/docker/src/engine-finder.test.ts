import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { fakeClock } from "@windlass/testkit/fakes";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findEngine } from "./engine-finder.ts";

let folder: string;
let server: Server;
let clock: ReturnType<typeof fakeClock>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-finder-"));
  clock = fakeClock();
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  rmSync(folder, { recursive: true });
});

async function find(answer: RequestListener): ReturnType<typeof findEngine> {
  const socket = join(folder, "engine.sock");
  server = createServer(answer).listen(socket);
  await once(server, "listening");
  return findEngine({ host: `unix://${socket}`, environment: {}, clock });
}

test("an engine that is slow to say its version, since its machine is busy, is found", async () => {
  const said = { Version: "4.3.1", ApiVersion: "1.41", Components: [{ Name: "Podman Engine" }] };
  const found = await find((_, response) => void clock.advance(20_000).then(() => response.end(JSON.stringify(said))));
  expect(found).toMatchObject({ isPodman: true, told: expect.stringContaining("podman 4.3.1 at unix://") });
  found?.engine.client.close();
});

test("one that never says it is unavailable, and it is told how long it was waited for", async () => {
  await expect(find(() => void clock.advance(600_000))).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/does not answer: no answer within \d+ s$/u),
  });
});
