/** Logs of containers that somebody else watches, at HTTP level: told twice, with gaps, over restarts, with secrets, too fast. */
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TOLD_BYTES_MAX } from "@windlass/contract/routes";
import type { EngineOptions } from "@windlass/engine";
import { fileLogStore } from "@windlass/files";
import { WORKSPACE_SCOPE, type JsonObject } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { openSqliteStore } from "@windlass/sqlite";
import { seededRandom } from "@windlass/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BASE, clock } from "../../programs/server/src/server-fixture.ts";
import { callbackSite, INTERNAL_TOKEN, type CallbackSite } from "./callback-site.ts";

const SECRET = "correct-horse-battery";

let folder = "";
let site: CallbackSite;
let job = "";
let jobName = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "windlass-told-logs-"));
});
afterEach(async () => {
  await site.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(ports: Partial<EngineOptions> = {}, bytesMax = 10_000_000): Promise<void> {
  const logs = fileLogStore({ folder, bytesMax, clock });
  site = await callbackSite(() => openSqliteStore({ path: join(folder, "windlass.db"), clock }), { ports: { logs, ...ports } });
}

/** A container that runs. */
async function container(env: JsonObject = {}): Promise<void> {
  const execution = await site.run({ name: "extract", env });
  jobName = await site.container(execution, "extract");
  job = (await site.server.engine.context.store.reads.child(execution, "extract"))?.record.id ?? "";
}

/** As whoever watches the cluster: with the internal token and nothing else. */
function watcher(): Client {
  return client({ url: BASE, token: INTERNAL_TOKEN, retries: 0, fetch: (url, init) => site.server.app.fetch(new Request(url, init)) });
}

interface Piece {
  readonly container?: string;
  readonly stream?: "stdout" | "stderr";
  readonly last?: boolean;
  readonly lost?: boolean;
  readonly first?: boolean;
  readonly gap?: boolean;
  readonly lastTime?: string;
  readonly lastOffset?: number;
  readonly at?: string;
  readonly jobName?: string;
  readonly attempt?: number;
}

const tell = (offset: number, text: string, more: Piece = {}) =>
  watcher().callbacks.logs({ id: job, attempt: 1, jobName, offset, bytes: Buffer.from(text), ...more });
const known = () => watcher().callbacks.toldLogs({ id: job, attempt: 1, jobName });
const shown = async (more: { readonly container?: string; readonly stream?: "stdout" | "stderr" } = {}): Promise<string> =>
  Buffer.concat(await Array.fromAsync(await site.server.api.jobs.rawLogs({ id: job, ...more }))).toString();

test("pieces make the log, of each container and stream by itself; what was told before changes nothing", async () => {
  await open();
  await container();
  expect(await tell(0, "one\n")).toEqual({ status: "stored", next: 4 });
  expect(await tell(0, "hello from init\n", { container: "init-db" })).toEqual({ status: "stored", next: 16 });
  expect(await tell(0, "oh\n", { stream: "stderr" })).toEqual({ status: "stored", next: 3 });
  expect(await tell(0, "one\n")).toEqual({ status: "stored", next: 4 });
  expect(await tell(2, "e\ntwo\n", { container: "main" })).toEqual({ status: "stored", next: 8 });
  expect(await tell(0, "one\n")).toEqual({ status: "stored", next: 8 });
  expect(await shown()).toBe("one\noh\ntwo\n");
  expect(await shown({ container: "init-db" })).toBe("hello from init\n");
  expect(await shown({ container: "*" })).toBe("one\nhello from init\noh\ntwo\n");
  const { chunks } = await site.server.api.jobs.logs({ id: job, container: "*" });
  expect(chunks.map((chunk) => chunk.container)).toEqual([undefined, "init-db", undefined, undefined]);
  expect(await known()).toEqual({
    status: "known",
    sources: [
      { container: "main", stream: "stdout", next: 8, cut: false },
      { container: "init-db", stream: "stdout", next: 16, cut: false },
      { container: "main", stream: "stderr", next: 3, cut: false },
    ],
  });
});

test("a gap is not stored, and the answer says what is expected; what is lost for good is passed over with a mark", async () => {
  await open();
  await container();
  await tell(0, "one\n");
  expect(await tell(9, "three\n")).toEqual({ status: "gap", next: 4 });
  expect(await shown()).toBe("one\n");
  expect(await tell(9, "three\n", { lost: true })).toEqual({ status: "stored", next: 15 });
  expect(await shown()).toBe("one\n\n[windlass: 5 left out here: whoever watches the container did not have it any more]\nthree\n");
});

test("a log whose beginning is gone is told on behind the last line that is stored, also after a restart, and a mark says what may be missing", async () => {
  await open();
  await container();
  const [one, three] = ["2026-01-31T00:00:01.000Z", "2026-01-31T00:00:03.000Z"];
  const lines = { lastTime: "2026-01-31T00:00:02.123456789Z", lastOffset: 4 };
  expect(await tell(0, "one\ntwo\n", { first: true, at: one, ...lines })).toEqual({ status: "stored", next: 8 });
  expect(await tell(0, "one\ntwo\n", { first: true, at: one, ...lines })).toEqual({ status: "stored", next: 8 });
  await site.restart();
  await site.close();
  await open();
  const last = { time: lines.lastTime, offset: 4 };
  expect(await tell(0, "four\nfive\n", { first: true, at: three })).toEqual({ status: "moved", next: 8, last });
  expect(await shown()).toBe("one\ntwo\n");
  expect(await tell(8, "four\n", { gap: true, at: three })).toEqual({ status: "stored", next: 13 });
  expect(await shown()).toBe(
    "one\ntwo\n\n[windlass: some may be missing here: it was removed before anybody who watches the container read it]\nfour\n",
  );
});

test("that the rest of a log cannot be read is marked once, behind all that was told, also after a restart", async () => {
  await open();
  await container();
  const rest = "\n[windlass: some may be missing here: whoever watches the container could not read on]\n";
  await tell(0, "one\n", { first: true, at: "2026-01-31T00:00:01.000Z" });
  expect(await tell(0, "", { gap: true, last: true })).toEqual({ status: "stored", next: 4 });
  expect(await shown()).toBe("one\n");
  expect(await tell(4, "", { gap: true, last: true })).toEqual({ status: "stored", next: 4 });
  expect(await tell(4, "", { gap: true, last: true })).toEqual({ status: "stored", next: 4 });
  expect(await tell(0, "", { gap: true, last: true, container: "init-db" })).toEqual({ status: "stored", next: 0 });
  await site.restart();
  await site.close();
  await open();
  expect(await tell(4, "", { gap: true, last: true })).toEqual({ status: "stored", next: 4 });
  expect(await tell(0, "", { gap: true, last: true, container: "init-db" })).toEqual({ status: "stored", next: 0 });
  expect(await shown()).toBe(`one\n${rest}`);
  expect(await shown({ container: "init-db" })).toBe(rest);
  expect(await tell(0, "one\ntwo\n", { first: true, at: "2026-01-31T00:00:01.000Z" })).toEqual({ status: "stored", next: 8 });
  expect(await shown()).toBe(`one\n${rest}two\n`);
});

test("that the rest cannot be read is marked behind what is lost as well, once", async () => {
  await open();
  await container();
  await tell(0, "one\n");
  await tell(4, "", { gap: true, last: true });
  for (const _ of [1, 2]) expect(await tell(54, "", { gap: true, last: true, lost: true })).toEqual({ status: "stored", next: 54 });
  const rest = "\n[windlass: some may be missing here: whoever watches the container could not read on]\n";
  const lost = "\n[windlass: 50 left out here: whoever watches the container did not have it any more]\n";
  expect(await shown()).toBe(`one\n${rest}${lost}${rest}`);
});

test("a log that one who watches could not read begins with the first piece of another, also after a restart", async () => {
  await open();
  await container();
  const first = { first: true, at: "2026-01-31T00:00:01.000Z" };
  await tell(0, "", { gap: true, last: true, at: "2026-01-31T00:02:00.000Z" });
  for (const _ of [1, 2]) expect(await tell(0, "one\n", first)).toEqual({ status: "stored", next: 4 });
  await site.restart();
  await site.close();
  await open();
  expect(await tell(0, "one\n", first)).toEqual({ status: "stored", next: 4 });
  expect(await tell(0, "four\n", { first: true, at: "2026-01-31T00:00:04.000Z" })).toMatchObject({ status: "moved", next: 4 });
});

test("after a restart in the middle of a write whoever tells goes on by what the server knows, and nothing is missing or doubled", async () => {
  await open();
  await container();
  await tell(0, "one\n");
  await tell(4, "two\n");
  appendFileSync(join(folder, "logs", job, "1.stdout.log"), "three\n");
  await site.restart();
  await site.close();
  await open();
  const [{ next } = { next: -1 }] = (await known()).sources;
  expect(next).toBe(8);
  expect(await tell(next, "three\n")).toEqual({ status: "stored", next: 14 });
  expect(await shown()).toBe("one\ntwo\nthree\n");
});

test("the same pieces from two who watch at once are stored once", async () => {
  await open();
  await container();
  const text = Array.from({ length: 400 }, (_, i) => `line ${i}\n`).join("");
  const one = async (size: number): Promise<void> => {
    for (let at = 0; at < text.length;) {
      const { next = at } = await tell(at, text.slice(at, at + size));
      at = next;
    }
  };
  await Promise.all([one(97), one(31), one(1_000)]);
  expect(await shown()).toBe(text);
});

test("secrets of the attempt are masked however the pieces are cut, also over a restart; the end of the log is not waited for", async () => {
  await open();
  await site.server.engine.secrets.set({ workspace: "default", scope: WORKSPACE_SCOPE, name: "report-db" }, SECRET, "ann");
  await container({ API_KEY: { valueFrom: "report-db" } });
  const text = `begin\nkey=${SECRET}\nagain ${SECRET}${SECRET} correct-horse\nend correct-ho`;
  const random = seededRandom(3);
  let at = 0;
  let to = 0;
  while (to < text.length) {
    to = Math.min(text.length, to + 1 + Math.floor(random.next() * 9));
    const { next = 0 } = await tell(at, text.slice(at, to), { last: to === text.length });
    at = next;
  }
  expect(at).toBe(text.length);
  expect(await shown()).toBe("begin\nkey=***\nagain *** correct-horse\nend correct-ho");
});

test("a log whose secrets cannot be opened any more is not stored, and stored once they can", async () => {
  await open();
  const secret = { workspace: "default", scope: WORKSPACE_SCOPE, name: "report-db" };
  await site.server.engine.secrets.set(secret, SECRET, "ann");
  await container({ API_KEY: { valueFrom: "report-db" } });
  await site.server.engine.secrets.unset(secret);
  await expect(tell(0, `key=${SECRET}\n`)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringContaining('there is no secret "report-db"'),
  });
  expect(await shown()).toBe("");
  await site.server.engine.secrets.set(secret, SECRET, "ann");
  expect(await tell(0, `key=${SECRET}\n`)).toMatchObject({ status: "stored" });
  expect(await shown()).toBe("key=***\n");
});

test("what comes too fast is left out by when it was printed, and a mark says how much, also after a restart", async () => {
  await open({ logBytesPerSecondMax: 10 });
  await container();
  const at = (second: number): string => new Date(Date.UTC(2026, 0, 31, 0, 0, second)).toISOString();
  expect(await tell(0, "0123456789abcdef", { at: at(0) })).toEqual({ status: "stored", next: 16 });
  expect(await tell(16, "more", { at: at(0) })).toEqual({ status: "stored", next: 20 });
  expect(await shown()).toBe("0123456789");
  await site.close();
  await open({ logBytesPerSecondMax: 10 });
  expect(await tell(20, "next\n", { at: at(1) })).toEqual({ status: "stored", next: 25 });
  expect(await shown()).toBe("0123456789\n[windlass: 10 left out here: it printed more than 10 a second, log.bytesPerSecondMax]\nnext\n");
});

test("a stream that reached its limit is cut with a mark; what is told behind it is taken", async () => {
  await open({}, 10);
  await container();
  expect(await tell(0, "0123456789abcdef")).toEqual({ status: "stored", next: 16 });
  expect(await tell(16, "more")).toEqual({ status: "stored", next: 20 });
  expect(await shown()).toBe("0123456789\n[windlass: log cut at 10: it reached log.bytesMax]\n");
  expect((await known()).sources).toMatchObject([{ cut: true }]);
});

test("what fits no attempt is answered so and changes nothing; an attempt that has ended is told of all the same", async () => {
  await open();
  await container();
  const stale = (reason: string) => ({ status: "accepted_stale", reason });
  expect(await tell(0, "x", { jobName: "another" })).toEqual(stale("name_mismatch"));
  expect(await tell(0, "x", { attempt: 2 })).toEqual(stale("other_attempt"));
  const own = job;
  job = "job_unknown";
  expect(await tell(0, "x")).toEqual(stale("unknown_job"));
  expect(await known()).toEqual({ ...stale("unknown_job"), sources: [] });
  job = own;
  await site.post(`/api/internal/jobs/${job}/attempts/1/facts`, { state: "succeeded", job_name: jobName });
  await site.ended(job);
  expect(await tell(0, "late\n")).toEqual({ status: "stored", next: 5 });
  await site.server.engine.context.logs.expire(job, 1);
  expect(await known()).toEqual({ ...stale("log_removed"), sources: [] });
});

test("only the internal token opens the routes; what is wrong is refused with all that is wrong", async () => {
  await open();
  await container();
  const path = `/api/internal/jobs/${job}/attempts/1/logs`;
  const ask = (query: string, more: RequestInit) =>
    site.server.app.fetch(new Request(`${BASE}${path}?${query}`, { method: "POST", ...more }));
  for (const token of ["", "another-token-of-some-length"])
    expect((await ask(`jobName=${jobName}&offset=0`, { headers: { authorization: `Bearer ${token}` }, body: "x" })).status).toBe(403);
  expect((await site.server.ask("GET", path)).status).toBe(403);
  const headers = { authorization: `Bearer ${INTERNAL_TOKEN}` };
  const wrong = await ask("offset=-1&container=No&stream=out", { headers, body: "x" });
  expect(wrong.status).toBe(422);
  const { faults } = (await wrong.json()) as { faults: { path: string }[] };
  expect(faults.map((fault) => fault.path).toSorted()).toEqual(["container", "jobName", "offset", "stream"]);
  const large = await ask(`jobName=${jobName}&offset=0`, { headers, body: "x".repeat(TOLD_BYTES_MAX + 1) });
  expect(large.status).toBe(413);
});
