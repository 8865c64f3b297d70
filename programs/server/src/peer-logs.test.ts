/** Two hosts on one store, without sockets: one has the log, the other shows it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileLogStore } from "@windlass/files";
import type { LogKey, LogStore } from "@windlass/ports";
import { jobRecord, T0 } from "@windlass/testkit";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { peerLogs } from "./peer-logs.ts";
import { clock, testServer, type TestServer } from "./server-fixture.ts";

const HERE = "place-here";
const THERE = { place: "place-there", host: "the-other-host", url: "http://localhost", secret: "a-secret-between-servers", seenAt: T0 };

let folder: string;
let there: LogStore;
let server: TestServer;
let logs: LogStore;
let answers = true;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "windlass-peers-"));
  there = fileLogStore({ folder: join(folder, "there"), bytesMax: 1_000_000, clock });
  server = await testServer({ peers: { secret: THERE.secret, logs: there } });
  const { store } = server.engine.context;
  await store.places.put(THERE);
  answers = true;
  logs = begun();
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** This server, which remembers nothing yet. */
function begun(): LogStore {
  return peerLogs({
    logs: fileLogStore({ folder: join(folder, "here"), bytesMax: 1_000_000, clock }),
    place: HERE,
    store: server.engine.context.store,
    clock,
    fetch: async (input, init) => {
      if (!answers) throw new TypeError("fetch failed");
      return server.app.fetch(new Request(input, init));
    },
  });
}

/** An attempt that a launcher of this place has claimed. */
async function attemptAt(place: string | null): Promise<LogKey> {
  const { store } = server.engine.context;
  const executor = place === null ? "handler" : "process";
  await store.sessions.open({ id: "ses_1", role: "launcher", place, serves: [], startedAt: T0, expiresAt: T0 * 2 });
  const job = jobRecord({ executor, queue: "peers" });
  await store.jobs.commit([{ type: "submit", job }], T0);
  await store.jobs.claim({ executor, queues: ["peers"], session: "ses_1", place, limit: 1, now: T0 });
  return { jobId: job.id, attempt: 1 };
}

const print = (to: LogStore, key: LogKey, text: string): Promise<void> =>
  to.append(key, [{ stream: "stdout", at: T0, data: Buffer.from(text) }]);
const textOf = async (key: LogKey): Promise<string> =>
  Buffer.concat((await logs.read(key, { bytesMax: 1_000 })).chunks.map((chunk) => chunk.data)).toString();

test("what lies on another host is read there, piece by piece and by its end", async () => {
  const key = await attemptAt(THERE.place);
  await print(there, key, "one\ntwo\nthree\n");
  expect(await textOf(key)).toBe("one\ntwo\nthree\n");
  const tail = await logs.read(key, { tailLines: 2, bytesMax: 4 });
  expect([Buffer.concat(tail.chunks.map((chunk) => chunk.data)).toString(), tail.more]).toEqual(["two\n", true]);
  const rest = await logs.read(key, { after: tail.position, bytesMax: 100 });
  expect([Buffer.concat(rest.chunks.map((chunk) => chunk.data)).toString(), rest.more]).toEqual(["three\n", false]);
});

test("what lies here is read here, and what has no place is found wherever it lies", async () => {
  const mine = await attemptAt(THERE.place);
  await print(logs, mine, "restored\n");
  expect(await textOf(mine)).toBe("restored\n");
  const anywhere = await attemptAt(null);
  expect(await textOf(anywhere)).toBe("");
  await print(there, anywhere, "by a handler\n");
  expect(await textOf(anywhere)).toBe("by a handler\n");
});

test("a host that does not answer, or was never seen, is named; one that answers again is asked again", async () => {
  const key = await attemptAt(THERE.place);
  await print(there, key, "text\n");
  answers = false;
  await expect(textOf(key)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining("lies on the host the-other-host"),
  });
  answers = true;
  expect(await textOf(key)).toBe("text\n");
  const unknown = await attemptAt("place-unknown");
  await expect(textOf(unknown)).rejects.toMatchObject({ code: "unavailable", message: expect.stringContaining("place-unknown") });
});

test("a log that was removed there says so here, and nobody else is let in", async () => {
  const key = await attemptAt(THERE.place);
  await print(there, key, "text\n");
  await there.expire(key.jobId, T0);
  await expect(textOf(key)).rejects.toMatchObject({ code: "log_removed" });
  const address = `/internal/logs/${key.jobId}/1`;
  expect((await server.ask("GET", address)).status).toBe(401);
  expect((await server.ask("GET", address, { headers: { authorization: "" } })).status).toBe(401);
});

test("who follows hears of what is written there", async () => {
  const key = await attemptAt(THERE.place);
  await print(there, key, "one\n");
  await textOf(key);
  let calls = 0;
  const end = logs.watch(key, () => calls++);
  const before = calls;
  await vi.waitFor(() => expect(calls).toBeGreaterThan(before));
  end();
});

test("of what was told of a cluster, to whichever server its watcher reached, the log that was told last is the one", async () => {
  const key = await attemptAt("a-cluster");
  await expect(textOf(key)).rejects.toThrow("lies on another host (a-cluster), whose server was never seen");
  await print(there, key, "begun\n");
  expect(await textOf(key)).toBe("begun\n");
  await logs.append(key, [{ stream: "stdout", at: T0 + 1, data: Buffer.from("begun\nwhole\n") }]);
  logs = begun();
  expect(await textOf(key)).toBe("begun\nwhole\n");
  await there.append(key, [{ stream: "stdout", at: T0 + 2, data: Buffer.from("and more\n") }]);
  expect(await textOf(key)).toBe("begun\nwhole\n");
  logs = begun();
  expect(await textOf(key)).toBe("begun\nand more\n");
});
