/** Submits that the client gathers, at a real engine: each has what it would have had alone, whatever fails on the way. */
import { isWindlassError } from "@windlass/kernel";
import { client, type Client, type Submission } from "@windlass/sdk";
import * as fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { BASE, testServer, TOKEN, type TestServer } from "./server-fixture.ts";

const BODY_BYTES_MAX = 2_000;
/** On a busy machine. */
const PROPERTY_MS = 60_000;

let servers: TestServer[];
beforeEach(async () => {
  servers = await Promise.all([1, 2].map(() => testServer({ bodyBytesMax: BODY_BYTES_MAX })));
});
afterEach(async () => {
  for (const server of servers) await server.close();
});

interface Asked {
  readonly job: Submission;
  readonly idempotencyKey?: string | undefined;
  readonly retries?: number;
}

const task = { name: "echo", executor: "handler", spec: { handler: "echo" } } as const;
const TAKEN = "taken-by-another-job";
/** Good ones, and every way to be refused: by the schema, by the rules, by the kind, for its size or depth. */
const jobs: fc.Arbitrary<object> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ input: fc.jsonValue({ maxDepth: 2 }), priority: fc.integer({ min: -3, max: 3 }) }) },
  fc.constantFrom<object>(
    { nmae: "a" },
    { name: "" },
    { name: 7 },
    { executor: "handlr" },
    { spec: {} },
    { queue: "No Queue" },
    { kind: "wrong" },
    { retry: { limit: -1 } },
    { concurrency: { key: "k", limit: 1 } },
    { input: "x".repeat(BODY_BYTES_MAX) },
    { input: "ü".repeat(BODY_BYTES_MAX / 3) },
    { input: JSON.parse("[".repeat(62) + "]".repeat(62)) as unknown },
  ),
);
/** Under one key always the same is asked for: who is first of those that come at once is nobody's promise. */
const keyed = fc.constantFrom<Asked>(
  { job: { ...task, input: "a" }, idempotencyKey: "a" },
  { job: { ...task, input: "b" }, idempotencyKey: "b" },
  { job: { ...task, idempotencyKey: "in the body" } },
  { job: { ...task, idempotencyKey: "one" }, idempotencyKey: "another" },
  { job: task, idempotencyKey: TAKEN },
);
const asked: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ job: jobs.map((more) => ({ ...task, ...more })), retries: fc.constantFrom(0, 4) }) },
  keyed,
);

/** In place of ids, which of the submits got the same job; without times, and without who of those was the first. */
function shown(settled: readonly PromiseSettledResult<unknown>[]): unknown {
  const ids = settled.map((one) => (one.status === "fulfilled" ? (one.value as { readonly id: string }).id : null));
  return settled.map((one, index) => {
    if (one.status === "rejected") {
      const { reason } = one as { readonly reason: unknown };
      if (!isWindlassError(reason)) throw reason;
      const { code, message, faults, details } = reason;
      return { code, message: message.replaceAll(/job_\w+/gu, "a job"), faults, details };
    }
    const { id, job } = one.value as Awaited<ReturnType<Client["jobs"]["submit"]>>;
    const made = settled.filter((other, at) => ids[at] === id && other.status === "fulfilled" && (other.value as Made).created);
    return {
      same: ids.indexOf(ids[index] ?? null),
      made: made.length,
      job: { ...job, id: job.id === id, rootId: job.rootId === id, createdAt: "" },
    };
  });
}

interface Made {
  readonly created: boolean;
}

test("any mix of submits at the same time has the answers that it has one by one", { timeout: PROPERTY_MS }, async () => {
  const [together, alone] = servers as [TestServer, TestServer];
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(asked, { maxLength: 30 }), async (calls) => {
      const prefix = `${run++}-`;
      const submit = async (api: Client, { job, idempotencyKey: key, retries = 4 }: Asked): Promise<PromiseSettledResult<unknown>> => {
        const inBody = job.idempotencyKey === undefined ? {} : { idempotencyKey: prefix + job.idempotencyKey };
        const options = { retries, ...(key === undefined ? {} : { idempotencyKey: prefix + key }) };
        const [settled] = await Promise.allSettled([api.jobs.submit({ ...job, ...inBody }, options)]);
        return settled;
      };
      const taken: Asked = { job: { ...task, input: TAKEN }, idempotencyKey: TAKEN };
      for (const { api } of servers) await submit(api, taken);
      const gathered = await Promise.all(calls.map((call) => submit(together.api, call)));
      const single: PromiseSettledResult<unknown>[] = [];
      for (const call of calls) single.push(await submit(alone.api, call));
      expect(shown(gathered)).toEqual(shown(single));
    }),
    { numRuns: 40 },
  );
});

/** What becomes of a request: it does not arrive, its answer is lost, its answer breaks off, or all is well. */
type Fate = "refused" | "unheard" | "cut" | "answered";

test("whatever requests and answers are lost, each submit makes one job and gets to know it", { timeout: PROPERTY_MS }, async () => {
  const [{ app, engine, api: admin }] = servers as [TestServer];
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom<Fate>("refused", "unheard", "cut", "answered"), { maxLength: 12 }),
      fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 25 }),
      async (fates, pauses) => {
        const name = `run-${run++}`;
        const api = client({ url: BASE, token: TOKEN, retries: 20, pause: async () => {}, fetch: losing(app, [...fates]) });
        const answers = [];
        for (const [n, turns] of pauses.entries()) {
          answers.push(api.jobs.submit({ ...task, name, input: n }));
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        }
        const ids = (await Promise.all(answers)).map(({ id }) => id);
        const stored = await Array.fromAsync(admin.jobs.each({ name, order: "oldest" }));
        expect(stored.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
        const inputs = await Promise.all(ids.map(async (id) => (await engine.jobs.get(id)).record.input));
        expect(inputs).toEqual(pauses.map((_, n) => n));
      },
    ),
    { numRuns: 40 },
  );
});

test("of a job that is deleted while a batch under its key is answered another is made, as for a single submit", async () => {
  const [{ engine, api }] = servers as [TestServer];
  const job = { ...task, idempotencyKey: "nightly" };
  const { id } = await api.jobs.submit(job);
  await api.jobs.cancel({ id });
  const { reads } = engine.context.store;
  const get = reads.get.bind(reads);
  let removed = 0;
  vi.spyOn(reads, "get").mockImplementation(async (asked) => {
    if (asked === id && removed === 0) removed = await engine.context.store.retention.remove([id]).then(({ length }) => length);
    return get(asked);
  });
  const { results } = await api.jobs.submitMany({ jobs: [job, task], withJobs: true });
  expect(removed).toBe(1);
  expect(results).toMatchObject([
    { created: true, job: { state: "queued" } },
    { created: true, job: { state: "queued" } },
  ]);
  const ids = results.map((result) => ("id" in result ? result.id : result.problem.code));
  expect(new Set([id, ...ids]).size).toBe(3);
  expect((await api.jobs.submit(job)).id).toBe(ids[0]);
});

function losing(app: TestServer["app"], fates: Fate[]): typeof fetch {
  return async (url, init) => {
    const fate = fates.shift() ?? "answered";
    if (fate === "refused") throw new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
    const answer = await app.fetch(new Request(url, init));
    if (fate === "unheard") throw new TypeError("fetch failed", { cause: Object.assign(new Error("read"), { code: "ECONNRESET" }) });
    if (fate === "answered") return answer;
    const broken = new ReadableStream({
      pull: () => {
        throw new TypeError("terminated", { cause: Object.assign(new Error("read"), { code: "ECONNRESET" }) });
      },
    });
    return new Response(broken, answer);
  };
}
