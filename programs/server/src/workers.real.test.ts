/** Workers of the SDK over a real socket: what a handler answers, is told and says arrives as with a worker of the server's own. */
import {
  deferFor,
  parked,
  retryAfter,
  failForGood,
  withInput,
  worker,
  type HandlersByName,
  type Worker,
  type WorkerOptions,
} from "@windlass/sdk";
import { minutes, ms, type JobView } from "@windlass/kernel";
import { hostname } from "node:os";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { listen, type Listening } from "./serve.ts";
import { clock, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

let server: TestServer;
let listening: Listening;
const workers: Worker[] = [];

beforeEach(async () => {
  server = await testServer();
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((one) => one.stop()));
  await listening.close();
  await server.close();
});

async function working(handlers: HandlersByName, more: Partial<WorkerOptions> = {}): Promise<Worker> {
  const made = worker({ url: listening.url, token: TOKEN, handlers, drainMs: 1_000, ...more });
  workers.push(made);
  await made.start();
  return made;
}

const submit = async (handler: string, more: object = {}): Promise<string> =>
  (await server.engine.jobs.submit({ kind: "task", name: handler, spec: { handler }, executor: "handler", ...more })).id;
const ended = (id: string): Promise<JobView> => server.engine.jobs.wait(id);
const stateOf = async (id: string): Promise<string> => (await server.engine.jobs.get(id)).state;
const retry = { limit: 2, on: ["failed"], backoff: { initial: ms(10), factor: 1, max: minutes(1), jitter: 0 } } as const;

test("who looks for a worker is told its host, its process, and the token that it came with", async () => {
  const { secret } = await server.api.tokens.create({ name: "image-workers", roles: ["worker"] });
  await working({ a: () => {} });
  await working({ b: () => {} }, { token: secret });
  const { items } = await server.api.workers.list();
  const here = `${hostname()} (process ${process.pid})`;
  const told = items
    .filter(({ host }) => host !== null)
    .map(({ id, host, token, serves }) => ({ id, host, token, handlers: serves[0]?.handlers }));
  expect(told).toEqual([
    { id: expect.stringMatching(/^ses_/u), host: here, token: "admin", handlers: ["a"] },
    { id: expect.stringMatching(/^ses_/u), host: here, token: "image-workers", handlers: ["b"] },
  ]);
  expect(await server.api.workers.get({ id: told[1]?.id ?? "" })).toMatchObject({ host: here, token: "image-workers" });
});

test("an output, an error, and each answer end the job as they do with a worker of the server's own", async () => {
  const attempts: number[] = [];
  await working({
    echo: ({ input }) => ({ hello: input }),
    nothing: () => {},
    breaks: () => Promise.reject(new TypeError("no such table")),
    again: ({ attempt }) => {
      attempts.push(attempt);
      return attempt === 1 ? retryAfter(20, "busy") : failForGood("no such customer");
    },
    odd: () => new Map() as never,
  });
  const [echo, nothing, breaks, again, odd] = await Promise.all([
    submit("echo", { input: "ada" }),
    submit("nothing"),
    submit("breaks"),
    submit("again", { retry }),
    submit("odd"),
  ]);
  expect((await ended(echo)).final).toMatchObject({ state: "succeeded", output: { hello: "ada" }, attempts: 1 });
  expect((await ended(nothing)).final).toMatchObject({ state: "succeeded", output: null });
  expect((await ended(breaks)).final).toMatchObject({ state: "failed", reason: "error", message: "no such table" });
  expect((await ended(again)).final).toMatchObject({ reason: "failed_for_good", message: "no such customer", attempts: 2 });
  expect((await ended(odd)).final).toMatchObject({ reason: "output_invalid" });
  expect(attempts).toEqual([1, 2]);
});

test("a handler that says what JSON has no word for stands in the way of none of its worker's others", async () => {
  const none = Number.NaN;
  await working(
    {
      put_off: ({ attempt, jobId }) => (seen.has(jobId) ? `attempt ${attempt}` : (seen.add(jobId), deferFor(none))),
      again: ({ attempt }) => (attempt === 1 ? retryAfter(none) : attempt),
      parks: async (context) => ((await context.completionToken()) === "" ? null : parked({ timeoutMs: none })),
      half: async (context) => context.progress("half" as never, { of: "it" } as never),
      much: async (context) => context.progress(7, "x".repeat(5_000)),
      silent: async (context) => {
        await context.progress(undefined as never);
        context.log({ a: 1 } as never);
        context.log(undefined as never);
      },
      odd: () => Promise.reject(Object.assign(new Error("x"), { message: { code: 5 } })),
      nameless: () => Promise.reject(Object.assign(Object.create(null), { at: () => {} })),
      fine: () => "fine",
    },
    { concurrency: 1 },
  );
  const seen = new Set<string>();
  const jobs = Object.fromEntries(
    await Promise.all(
      ["put_off", "again", "parks", "half", "much", "silent", "odd", "nameless", "fine"].map(
        async (name) => [name, await submit(name, { retry })] as const,
      ),
    ),
  );
  const of = async (name: string) => (await ended(jobs[name] ?? "")).final;
  expect(await of("fine")).toMatchObject({ state: "succeeded", output: "fine" });
  expect(await of("put_off")).toMatchObject({ state: "succeeded", output: "attempt 1" });
  expect(await of("again")).toMatchObject({ state: "succeeded", output: 2 });
  expect(await of("parks")).toMatchObject({ state: "failed" });
  expect(await of("half")).toMatchObject({ state: "succeeded", progress: { fraction: null, text: '{"of":"it"}' } });
  expect(await of("much")).toMatchObject({ state: "succeeded", progress: { fraction: 1, text: "x".repeat(4_000) } });
  expect(await of("silent")).toMatchObject({ state: "succeeded", progress: { fraction: null, text: null } });
  expect(await of("odd")).toMatchObject({ state: "failed", message: "Error: [object Object]" });
  expect(await of("nameless")).toMatchObject({ state: "failed", message: "something that has no text" });
});

test("log lines and progress are stored, the lines before the end", async () => {
  await working({
    talks: async (context) => {
      await context.progress(0.5, "half");
      for (let line = 1; line <= 2_500; line++) context.log(`line ${line}`);
    },
  });
  const id = await submit("talks");
  expect((await ended(id)).final).toMatchObject({ state: "succeeded", progress: { fraction: 0.5, text: "half" } });
  const { chunks } = await server.engine.context.logs.read({ jobId: id, attempt: 1 }, { bytesMax: 1_000_000 });
  const text = chunks.map(({ data }) => Buffer.from(data).toString()).join("");
  expect(text.split("\n")).toEqual([...Array.from({ length: 2_500 }, (_, n) => `line ${n + 1}`), ""]);
});

test("a handler that prints more at once than a frame holds is heard whole, and so are the others of its worker", async () => {
  const lines = ["short", "é\u0001".repeat(6_000_000), ...Array.from({ length: 20_000 }, (_, n) => `line ${n} ${"x".repeat(500)}`), "last"];
  await working({
    floods: (context) => lines.forEach((line) => context.log(line)),
    quiet: () => "fine",
  });
  const [id, other] = [await submit("floods"), await submit("quiet")];
  expect((await ended(other)).final).toMatchObject({ state: "succeeded", output: "fine" });
  expect((await ended(id)).final).toMatchObject({ state: "succeeded" });
  const { logs } = server.engine.context;
  const pieces: Uint8Array[] = [];
  for (let after: string | undefined; ;) {
    const page = await logs.read({ jobId: id, attempt: 1 }, { bytesMax: 4_000_000, ...(after === undefined ? {} : { after }) });
    pieces.push(...page.chunks.map(({ data }) => data));
    if (!page.more) break;
    after = page.position;
  }
  const text = Buffer.concat(pieces).toString();
  // A long line comes in parts, each as a line.
  expect(text.replaceAll("\n", "").length).toBe(lines.join("").length);
  expect(text).not.toContain("[cut here");
  expect(text.endsWith("last\n")).toBe(true);
});

test("what must not be stored is masked in the lines and errors of a worker elsewhere, which is not told of it", async () => {
  await listening.close();
  await server.close();
  server = await testServer({}, { masks: (record) => ({ secrets: record.input === "swordfish" ? ["swordfish"] : [], patterns: [] }) });
  listening = await listen(server.app, { host: "127.0.0.1", port: 0, clock, drainMs: 500 });
  await working({
    careless: (context) => {
      context.log(`the password is ${String(context.input)}!`);
      throw new Error(`cannot log in with ${String(context.input)}`);
    },
  });
  const id = await submit("careless", { input: "swordfish" });
  expect((await ended(id)).final).toMatchObject({ message: "cannot log in with ***" });
  const { chunks } = await server.engine.context.logs.read({ jobId: id, attempt: 1 }, { bytesMax: 1_000_000 });
  const text = chunks.map(({ data }) => Buffer.from(data).toString()).join("");
  expect(text).toContain("the password is ***!\n");
  expect(text + JSON.stringify(await server.engine.context.store.reads.attempts(id))).not.toContain("swordfish");
});

test("a parked job is completed with the token that its handler was given", async () => {
  const tokens: string[] = [];
  const made = await working({
    asks: async (context) => {
      tokens.push(await context.completionToken());
      return parked();
    },
  });
  const id = await submit("asks");
  await vi.waitFor(async () => expect(await stateOf(id)).toBe("waiting"));
  expect(made.running).toBe(0);
  await server.api.jobs.complete({ token: tokens[0] ?? "", output: { approved: true } });
  expect((await ended(id)).final).toMatchObject({ state: "succeeded", output: { approved: true } });
});

test("a job that is cancelled tells its handler why", async () => {
  const heard: string[] = [];
  await working({
    hears: ({ signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          heard.push((signal.reason as Error).message);
          reject(signal.reason as Error);
        });
      }),
  });
  const id = await submit("hears");
  await vi.waitFor(async () => expect(await stateOf(id)).toBe("running"));
  await server.engine.jobs.cancel(id, { by: "ada" });
  expect((await ended(id)).final).toMatchObject({ state: "cancelled", reason: "cancel_requested" });
  expect(heard).toEqual(["cancelled by ada"]);
});

test("a handler that is not known is told, and the job waits for a worker that knows it", async () => {
  const notices: string[] = [];
  await working({ other: () => null }, { onNotice: ({ message }) => notices.push(message) });
  const id = await submit("toString");
  await vi.waitFor(async () => expect(await stateOf(id)).toBe("scheduled"));
  expect((await server.engine.jobs.get(id)).live).toMatchObject({ attempt: 0, dueReason: "handler_unknown" });
  expect(notices).toEqual(['there is no handler "toString" here; the job is put off']);
});

test("an input that the schema of its handler refuses could never have worked", async () => {
  const schema = {
    "~standard": {
      version: 1,
      vendor: "test",
      validate: (value: unknown) =>
        typeof value === "number" ? { value } : { issues: [{ message: "expected a number", path: ["amount", { key: 0 }] }] },
    },
  } as const;
  await working({ doubles: withInput(schema, ({ input }) => input * 2) });
  const [good, bad] = [await submit("doubles", { input: 21 }), await submit("doubles", { input: "x", retry })];
  expect((await ended(good)).final).toMatchObject({ output: 42 });
  expect((await ended(bad)).final).toMatchObject({
    outcome: "failed_config",
    reason: "input_invalid",
    message: "input.amount.0: expected a number",
    attempts: 1,
  });
});

test("10,000 jobs run once each, no more at once than the worker may, over several queues", async () => {
  const seen = new Map<string, number>();
  let [now, most] = [0, 0];
  const ids = await Promise.all(Array.from({ length: 10_000 }, (_, n) => submit("count", { queue: n % 2 === 0 ? "even" : "odd" })));
  await working(
    {
      count: async ({ jobId }) => {
        most = Math.max(most, ++now);
        seen.set(jobId, (seen.get(jobId) ?? 0) + 1);
        await Promise.resolve();
        now--;
      },
    },
    { queue: ["even", "odd"], concurrency: 7 },
  );
  await vi.waitFor(() => expect(seen.size).toBe(10_000), { timeout: 60_000 });
  await Promise.all(ids.map(ended));
  expect(Math.max(...seen.values())).toBe(1);
  expect(most).toBeLessThanOrEqual(7);
  expect(await server.engine.context.store.jobs.live({}, 10)).toEqual([]);
});
