/** Watches and followed logs, without a socket. */
import { retryAfter, type Handler } from "@windlass/engine";
import { operations, type LogItemJson, type WatchItemJson } from "@windlass/contract";
import { logBytes } from "@windlass/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
const gates = new Map<string, () => void>();

/** Prints, waits to be let go on, prints. */
const gated: Handler = async (context) => {
  const { jobId, attempt } = context;
  context.log(`one of attempt ${attempt}`);
  await new Promise<void>((resolve) => gates.set(`${jobId}/${attempt}`, resolve));
  context.log(`two of attempt ${attempt} 🚀`);
};

beforeAll(async () => {
  server = await testServer();
  await server.work({
    echo: ({ input }) => input,
    gated,
    twice: async (context) => {
      await gated(context);
      return context.attempt === 1 ? retryAfter(1) : null;
    },
  });
});
afterAll(() => server.close());

const task = (handler: string, more: object = {}) => ({ name: handler, executor: "handler", spec: { handler }, ...more }) as const;
const open = (id: string, attempt = 1): Promise<void> =>
  vi.waitFor(() => (gates.get(`${id}/${attempt}`) ?? expect.fail("not there yet"))());

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

test("a watched job shows where it stands, then every event, then its end", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("gated"));
  const items: WatchItemJson[] = [];
  for await (const item of api.jobs.watch({ id })) {
    operations.jobs.watch.result.parse(item);
    items.push(item);
    if (item.type === "job") await open(id);
  }
  expect(items[0]).toMatchObject({ type: "job", job: { id } });
  expect(items.at(-1)).toMatchObject({ type: "end", job: { id, state: "succeeded" } });
  const seqs = items.flatMap((item) => (item.type === "event" ? [item.event.seq] : []));
  expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
  expect(items.at(-2)).toMatchObject({ type: "event", event: { type: "job.finished", jobId: id } });
});

test("a watched tree has the events of jobs that are made while it is watched, and of no others", async () => {
  const { api } = server;
  // It begins a moment later, so that all its children are made while it is watched.
  const notBefore = new Date(Date.now() + 2_000).toISOString();
  const { id } = await api.workflows.run({ source: JSON.stringify({ name: "two", steps: ["gated", "echo"] }), notBefore });
  const watching = all(api.jobs.watch({ id }));
  await api.wait((await api.jobs.submit(task("echo"))).id);
  const gate = await vi.waitFor(
    async () => (await api.jobs.list({ parentId: id, name: "gated" })).items[0] ?? expect.fail("not there yet"),
  );
  await open(gate.id);
  const items = await watching;
  const ids = new Set(items.flatMap((item) => (item.type === "event" ? [item.event.jobId] : [])));
  const children = (await api.jobs.list({ parentId: id })).items.map((job) => job.id);
  expect([...ids].toSorted()).toEqual([id, ...children].toSorted());
  expect(
    (await all(api.jobs.watch({ id, scope: "job", after: "0" }))).every((item) => item.type !== "event" || item.event.jobId === id),
  ).toBe(true);
});

test("who comes back gets exactly what it missed, also when the job has ended meanwhile", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("gated"));
  const seen: WatchItemJson[] = [];
  for await (const item of api.jobs.watch({ id, after: "0" })) {
    seen.push(item);
    if (seen.length === 3) break;
  }
  const last = seen.findLast((item) => item.type === "event");
  await open(id);
  await api.wait(id);
  const rest = await all(api.jobs.watch({ id, after: last?.event.position ?? "" }));
  const seqs = [...seen, ...rest].flatMap((item) => (item.type === "event" ? [item.event.seq] : []));
  const events = (await api.jobs.events({ id })).items;
  expect(seqs).toEqual(events.map((event) => event.seq));
  expect(rest.at(-1)).toMatchObject({ type: "end" });
});

test("a job that has ended long ago is a picture and an end", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("echo"));
  await api.wait(id);
  expect((await all(api.jobs.watch({ id }))).map((item) => item.type)).toEqual(["job", "end"]);
});

test("the events of all jobs come by type, behind a position", async () => {
  const { api } = server;
  const controller = new AbortController();
  const stream = api.events.watch({ type: ["job.finished"] }, { signal: controller.signal });
  const first = stream.next();
  const finished = new Set<string>();
  // The stream may begin a moment after it was asked for: jobs end until one is seen.
  const item = await vi.waitFor(async () => {
    const { id } = await api.jobs.submit(task("echo"));
    finished.add(id);
    await api.wait(id);
    return Promise.race([first, Promise.reject(new Error("nothing yet"))]);
  });
  operations.events.watch.result.parse(item.value);
  expect(item.value).toMatchObject({ type: "event", event: { type: "job.finished" } });
  controller.abort();
  await stream.return(undefined);
  const again = api.events.watch({ after: "0" });
  expect((await again.next()).value).toMatchObject({ type: "event", event: { type: "job.submitted", seq: 1 } });
  await again.return(undefined);
});

test("who comes back from far behind is told every event, and none of them by reset", async () => {
  const { api } = server;
  await api.queues.put({ name: "held", paused: true });
  const after = await server.engine.context.store.reads.feedEnd();
  const jobs = Array.from({ length: 1_000 }, () => task("echo", { queue: "held" }));
  for (let n = 0; n < 3; n++) await api.jobs.submitMany({ jobs });
  const watch = api.events.watch({ after, type: ["job.submitted"] });
  const seen = new Set<string>();
  while (seen.size < 3_000) {
    const { value } = (await watch.next()) as { value: WatchItemJson };
    if (value.type !== "event") expect.fail(`${value.type} after ${seen.size} events`);
    seen.add(value.event.jobId);
  }
  await watch.return(undefined);
  expect(seen.size).toBe(3_000);
  await api.queues.purge({ name: "held", dryRun: false });
});

test("a position that is none is refused", async () => {
  await expect(server.api.events.watch({ after: "x'; drop" }).next()).rejects.toMatchObject({
    code: "invalid",
    faults: [{ path: "after" }],
  });
});

test("a position of another feed is answered with reset, and the watch goes on from there", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("echo"));
  await api.wait(id);
  const newest = await server.engine.context.store.reads.feedEnd();
  for (const foreign of ["41", "9999999999999999", "0000000000000000777-0000000000000000042"]) {
    const watch = api.events.watch({ after: foreign });
    expect((await watch.next()).value).toEqual({ type: "reset" });
    const next = api.jobs.submit(task("echo"));
    expect((await watch.next()).value).toMatchObject({ type: "event", event: { jobId: (await next).id } });
    await watch.return(undefined);
    const answer = await server.ask("GET", `/api/v1/jobs/${id}/watch`, { headers: { "last-event-id": foreign } });
    const text = await answer.text();
    expect(text).toMatch(/^retry: 1000\n\nid: \d{16}\ndata: \{"type":"reset"\}\n\nid: /u);
    expect(text).toContain('{"type":"end"');
  }
  expect((await api.events.watch({ after: newest }).next()).value).toMatchObject({ type: "event" });
});

test("where a stream of events begins is told before anything happens", async () => {
  const { api } = server;
  const told = async (): Promise<string> => {
    const answer = await server.ask("GET", "/api/v1/events");
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    let text = "";
    while (!text.includes("id: ")) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    return /^retry: 1000\n\nid: (\d+)\n\n$/u.exec(text)?.[1] ?? text;
  };
  const after = await told();
  const { id } = await api.jobs.submit(task("echo"));
  expect((await api.events.watch({ after }).next()).value).toMatchObject({ type: "event", event: { jobId: id, seq: 1 } });
  expect(Number(await told())).toBeGreaterThan(Number(after));
});

test("a Last-Event-ID that is no position is refused", async () => {
  const answer = await server.ask("GET", "/api/v1/events", { headers: { "last-event-id": "nonsense" } });
  expect(answer.status).toBe(422);
  expect(await answer.json()).toMatchObject({ code: "invalid", faults: [{ path: "after" }] });
});

const textOf = (items: readonly LogItemJson[]): string =>
  Buffer.concat(items.flatMap((item) => (item.type === "chunks" ? item.chunks.map((chunk) => logBytes(chunk)) : []))).toString();

test("followed logs come as they are printed, attempt after attempt, and end with the job", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("twice", { retry: { limit: 1 } }));
  const items: LogItemJson[] = [];
  for await (const item of api.jobs.followLogs({ id })) {
    operations.jobs.followLogs.result.parse(item);
    items.push(item);
    if (item.type === "chunks" && textOf([item]).includes("one of")) await open(id, item.chunks[0]?.attempt ?? 0);
  }
  expect(items.flatMap((item) => (item.type === "attempt" ? [item.attempt] : []))).toEqual([1, 2]);
  expect(textOf(items)).toBe("one of attempt 1\ntwo of attempt 1 🚀\none of attempt 2\ntwo of attempt 2 🚀\n");
  expect(items.at(-1)).toEqual({ type: "end" });
  const first = await all(api.jobs.followLogs({ id, attempt: 1 }));
  expect(textOf(first)).toBe("one of attempt 1\ntwo of attempt 1 🚀\n");
  const tail = await all(api.jobs.followLogs({ id, tailLines: 1 }));
  expect(textOf(tail)).toBe("two of attempt 2 🚀\n");
});

test("logs are followed before the job has begun", async () => {
  const { api } = server;
  await api.queues.put({ name: "later", paused: true });
  await server.work({ gated }, "later");
  const { id } = await api.jobs.submit(task("gated", { queue: "later" }));
  const following = all(api.jobs.followLogs({ id }));
  await api.queues.put({ name: "later", paused: false });
  await open(id);
  expect(textOf(await following)).toContain("two of attempt 1");
});

test("a log is read in pieces, by its end, by stream, and byte for byte", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("echo"));
  await api.wait(id);
  const bytes = Buffer.from([0, 255, 10, 66, 10]);
  const key = { jobId: id, attempt: 1 };
  await server.engine.context.logs.append(key, [
    { stream: "stdout", at: 1_000, data: Buffer.from("first\nsecond\n") },
    { stream: "stderr", at: 2_000, data: bytes },
  ]);
  const logs = await api.jobs.logs({ id });
  operations.jobs.logs.result.parse(logs);
  expect(logs.chunks).toEqual([
    { attempt: 1, stream: "stdout", at: "1970-01-01T00:00:01.000Z", text: "first\nsecond\n" },
    { attempt: 1, stream: "stderr", at: "1970-01-01T00:00:02.000Z", base64: bytes.toString("base64") },
  ]);
  expect(await api.jobs.logs({ id, after: logs.position })).toMatchObject({ chunks: [], more: false });
  expect((await api.jobs.logs({ id, stream: "stdout", tailLines: 1 })).chunks.map((chunk) => chunk.text)).toEqual(["second\n"]);
  expect((await api.jobs.logs({ id, since: "1970-01-01T00:00:02Z" })).chunks.map((chunk) => chunk.stream)).toEqual(["stderr"]);
  expect((await api.jobs.logs({ id, limitBytes: 3 })).more).toBe(true);
  const raw = Buffer.concat(await all(await api.jobs.rawLogs({ id, stream: "stderr" })));
  expect(raw).toEqual(bytes);
  await expect(api.jobs.logs({ id, attempt: 7 })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("has made 1 attempt;"),
  });
  expect((await api.jobs.logs({ id, container: "main" })).chunks).toHaveLength(2);
  const none = { code: "not_found", message: `${id} ran in no container (its executor is handler); there is no container "side"` };
  await expect(api.jobs.logs({ id, container: "side" })).rejects.toMatchObject(none);
  await expect(api.jobs.rawLogs({ id, container: "side" })).rejects.toMatchObject(none);
  await expect(api.jobs.followLogs({ id, container: "side" }).next()).rejects.toMatchObject(none);
});

test("a job without an attempt has an empty log", async () => {
  const { api } = server;
  const { id } = await api.jobs.submit(task("echo", { notBefore: "2100-01-01T00:00:00Z" }));
  expect(await api.jobs.logs({ id })).toEqual({ attempt: 0, chunks: [], position: "", more: false });
  expect(await all(await api.jobs.rawLogs({ id }))).toEqual([]);
  await api.jobs.cancel({ id });
});

test("who asks only for the head of a stream is answered as who asks for all of it", async () => {
  const { id } = await server.api.jobs.submit(task("echo"));
  await server.api.wait(id);
  const streamsOpen = async () => /^windlass_http_streams \d+$/mu.exec(await (await server.ask("GET", "/metrics")).text())?.[0];
  const before = await streamsOpen();
  const head = async (path: string) => {
    const { status, headers } = await server.ask("HEAD", path);
    return [status, headers.get("content-type")?.split(";", 1)[0]];
  };
  for (const stream of ["watch", "logs/follow"]) {
    expect(await head(`/api/v1/jobs/${id}/${stream}`)).toEqual([200, "text/event-stream"]);
    expect(await head(`/api/v1/jobs/job_none/${stream}`)).toEqual([404, "application/problem+json"]);
  }
  expect(await head(`/api/v1/jobs/${id}/logs/raw`)).toEqual([200, "application/octet-stream"]);
  expect(await head(`/api/v1/jobs/${id}/logs/raw?attempt=7`)).toEqual([404, "application/problem+json"]);
  expect(await streamsOpen()).toBe(before);
});

test("a closing server ends its streams", async () => {
  const other = await testServer();
  const { id } = await other.api.jobs.submit(task("echo"));
  const answers = [
    await other.ask("GET", `/api/v1/jobs/${id}/watch`),
    await other.ask("GET", `/api/v1/jobs/${id}/logs/follow`),
    await other.ask("GET", "/api/v1/events"),
  ];
  await other.app.close();
  const texts = await Promise.all(answers.map((answer) => answer.text()));
  expect(texts[0]).toMatch(/^retry: 1000\n\n/u);
  await other.close();
});

/** Long before the next sign of life. */
const SOON_MS = 10_000;

test("a stream on which nothing happens ends as soon as its token is revoked, and no other does", async () => {
  const { api, ask } = server;
  const listen = async (name: string) => {
    const { secret } = await api.tokens.create({ name, roles: ["read"] });
    const { body } = await ask("GET", "/api/v1/events", { headers: { authorization: `Bearer ${secret}` } });
    return (body ?? expect.fail("it is a stream")).getReader();
  };
  const [gone, other] = [await listen("gone"), await listen("other")];
  const at = performance.now();
  await api.tokens.revoke({ id: "gone" });
  for (let isOver = false; !isOver;) isOver = (await gone.read()).done;
  expect(performance.now() - at).toBeLessThan(SOON_MS);
  const { id } = await api.jobs.submit(task("echo"));
  const told = new TextDecoder();
  for (let text = ""; !text.includes(id);) text += told.decode((await other.read()).value);
  await other.cancel();
});
