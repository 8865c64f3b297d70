/** Which submits go together, and what becomes of each when the request of all of them fails; the answers are made up. */
import { GATHERED_LENGTH_MAX, SUBMIT_MANY_MAX } from "@windlass/contract/routes";
import { expect, test } from "vitest";
import { answering, busy, hasty, json, lost, type Sent } from "./client-fixture.ts";
import type { ClientOptions } from "./client.ts";

const job = (name: string) => ({ name, executor: "handler", spec: { handler: "n" } }) as const;
const problem = (code: string, more: object = {}) => ({ code, detail: `it is ${code}`, status: 422, ...more });

interface Body {
  readonly jobs?: readonly { readonly name: string; readonly idempotencyKey?: string }[];
}

/** What was sent: of a batch the names in it, of one alone its name. */
const asked = ({ url, init }: Sent): unknown => {
  const body = JSON.parse(init.body as string) as Body & { readonly name?: string };
  return url.endsWith("/job-batches") ? body.jobs?.map(({ name }) => name) : body.name;
};

/** A server whose answers come when the test lets them, each about what it was asked. */
function held(more: Partial<ClientOptions> = {}) {
  const opens: (() => void)[] = [];
  const made = answering();
  const fetch: ClientOptions["fetch"] = async (url, init = {}) => {
    const sent: Sent = { url: new Request(url).url, init, headers: init.headers as Record<string, string> };
    made.sent.push(sent);
    await new Promise<void>((resolve, reject) => {
      opens.push(resolve);
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason as Error));
    });
    return answerTo(sent);
  };
  return { sent: made.sent, opens, api: hasty({ fetch, ...more }).api };
}

const answerTo = (sent: Sent): Response => {
  const names = asked(sent);
  return json(Array.isArray(names) ? { results: names.map((id) => ({ id: String(id), created: true })) } : { id: names, created: true });
};

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test("a lone submit goes at once, as a request of its own", async () => {
  const { sent, opens, api } = held();
  const first = api.jobs.submit(job("a"));
  await turns();
  const second = api.jobs.submit(job("b"));
  await turns();
  expect(sent.map(asked)).toEqual(["a", "b"]);
  for (const open of opens) open();
  expect([(await first).id, (await second).id]).toEqual(["a", "b"]);
});

test("what is submitted in one turn, and while two requests are under way, goes together, each under a key of its own", async () => {
  const { sent, opens, api } = held();
  const all = ["a", "b", "c"].map((name) => api.jobs.submit(job(name)));
  await turns();
  all.push(api.jobs.submit(job("d")));
  await turns();
  for (const name of ["e", "f"]) {
    all.push(api.submit("n", null, { name }));
    await turns();
  }
  expect(sent.map(asked)).toEqual([["a", "b", "c"], "d"]);
  opens[0]?.();
  await expect.poll(() => sent.map(asked)).toEqual([["a", "b", "c"], "d", ["e", "f"]]);
  for (const open of opens) open();
  expect((await Promise.all(all)).map(({ id }) => id)).toEqual(["a", "b", "c", "d", "e", "f"]);
  const keys = sent.flatMap(
    ({ init }) => (JSON.parse(init.body as string) as Body).jobs?.map(({ idempotencyKey }) => idempotencyKey) ?? [],
  );
  expect(new Set(keys).size).toBe(5);
  expect(keys).not.toContain(undefined);
});

test("many that are made at once go as two requests, and who submits again when his is answered goes beside the other", async () => {
  const { sent, opens, api } = held();
  const again = async (n: number): Promise<void> => {
    await api.jobs.submit(job(`${n}`));
    await api.jobs.submit(job(`${n + 10}`));
  };
  const all = Array.from({ length: 9 }, (_, n) => again(n));
  await turns();
  const [first, second] = [
    ["0", "1", "2", "3", "4"],
    ["5", "6", "7", "8"],
  ];
  expect(sent.map(asked)).toEqual([first, second]);
  opens[0]?.();
  await expect.poll(() => sent.map(asked)).toEqual([first, second, ["10", "11", "12", "13", "14"]]);
  opens[1]?.();
  await expect.poll(() => sent).toHaveLength(4);
  expect(asked(sent[3] as Sent)).toEqual(["15", "16", "17", "18"]);
  for (const open of opens) open();
  await Promise.all(all);
});

test("it can be switched off, and what a batch has no field for goes alone", async () => {
  const off = held({ gather: false });
  void Promise.allSettled([off.api.jobs.submit(job("a")), off.api.jobs.submit(job("b"))]);
  await turns();
  expect(off.sent.map(asked)).toEqual(["a", "b"]);
  const { sent, api } = held();
  void Promise.allSettled([
    api.jobs.submit({ ...job("a"), idempotencyKey: "one" }, { idempotencyKey: "another" }),
    api.jobs.submit(job("b"), { ifMatch: 1 }),
  ]);
  await turns();
  expect(sent.map(asked)).toEqual(["a", "b"]);
});

test("no request is larger than the contract allows", async () => {
  const many = held();
  void Promise.allSettled(Array.from({ length: SUBMIT_MANY_MAX + 2 }, (_, n) => many.api.jobs.submit(job(`${n}`))));
  await turns();
  expect(many.sent.map((one) => (asked(one) as unknown[]).length)).toEqual([SUBMIT_MANY_MAX / 2 + 1, SUBMIT_MANY_MAX / 2 + 1]);
  const more = held();
  void Promise.allSettled(Array.from({ length: 2 * SUBMIT_MANY_MAX + 2 }, (_, n) => more.api.jobs.submit(job(`${n}`))));
  await turns();
  expect(more.sent.map((one) => (asked(one) as unknown[]).length)).toEqual([SUBMIT_MANY_MAX, SUBMIT_MANY_MAX]);
  const large = held();
  const input = "x".repeat(GATHERED_LENGTH_MAX / 2);
  void Promise.allSettled(["a", "b", "c"].map((name) => large.api.jobs.submit({ ...job(name), input })));
  await turns();
  expect(large.sent.map(asked)).toEqual(["a", "b"]);
});

test("jobs of two traces do not go together, and each is sent with its own", async () => {
  const traces = ["t1", "t1", "t2"];
  const { sent, opens, api } = held({ tracing: { active: () => traces.shift() ?? null } });
  void Promise.allSettled(["a", "b", "c"].map((name) => api.jobs.submit(job(name))));
  await turns();
  expect(sent.map((one) => [asked(one), one.headers["traceparent"]])).toEqual([
    [["a", "b"], "t1"],
    ["c", "t2"],
  ]);
  expect(opens).toHaveLength(2);
});

test("what is submitted is what the caller gave, whatever it does with that afterwards", async () => {
  const { sent, api } = held();
  const given = { ...job("a"), input: { n: 1 } };
  void Promise.allSettled([api.jobs.submit(given), api.jobs.submit(job("b"))]);
  given.input.n = 2;
  await turns();
  expect(sent[0]?.init.body).toContain('"input":{"n":1}');
});

test("a signal ends its own submit only: before it is sent it is left out, and a request that nobody waits for is cut", async () => {
  const { sent, opens, api } = held();
  const why = new Error("enough");
  const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()];
  const [first, second, third] = [one, two, three].map(({ signal }, n) => api.jobs.submit(job(`${n}`), { signal }));
  third?.catch(() => {});
  three.abort(why);
  await turns();
  expect(sent.map(asked)).toEqual([["0", "1"]]);
  one.abort(why);
  await expect(first).rejects.toBe(why);
  expect(sent[0]?.init.signal?.aborted).toBe(false);
  opens[0]?.();
  expect(await second).toMatchObject({ id: "1" });
  const [fourth, fifth] = ["3", "4"].map((name) => api.jobs.submit(job(name), { signal: two.signal }));
  await turns();
  two.abort(why);
  await expect(fourth).rejects.toBe(why);
  await expect(fifth).rejects.toBe(why);
  await expect(third).rejects.toBe(why);
  expect(sent[1]?.init.signal?.aborted).toBe(true);
});

test("a time limit ends its own submit only", async () => {
  const { opens, api } = held();
  const short = api.jobs.submit(job("a"), { timeoutMs: 1 });
  const long = api.jobs.submit(job("b"));
  await expect(short).rejects.toMatchObject({ code: "timed_out" });
  opens[0]?.();
  expect(await long).toMatchObject({ id: "b" });
});

test("each of a batch is refused or accepted by itself, with an error of its own", async () => {
  const { fetch } = answering(() =>
    json({
      results: [{ id: "a" }, { problem: problem("conflict") }, { problem: problem("invalid", { faults: [{ path: "x", message: "y" }] }) }],
    }),
  );
  const { api } = hasty({ fetch });
  const [a, b, c] = await Promise.allSettled(["a", "b", "c"].map((name) => api.jobs.submit(job(name))));
  expect(a).toMatchObject({ value: { id: "a" } });
  expect(b).toMatchObject({ reason: { code: "conflict", message: "it is conflict" } });
  expect(c).toMatchObject({ reason: { code: "invalid", faults: [{ path: "x", message: "y" }] } });
});

test("after a lost answer each is sent again under its key, as often as it itself may be", async () => {
  const bodies: Body[] = [];
  const { sent, fetch } = answering(lost("ECONNRESET"), busy, () => json({ results: [{ id: "a" }, { id: "b" }] }));
  const { api } = hasty({ fetch });
  const never = { code: "unreachable" };
  const [a, b, c] = await Promise.allSettled([
    api.jobs.submit(job("a")),
    api.jobs.submit(job("b"), { idempotencyKey: "mine" }),
    api.jobs.submit(job("c"), { retries: 0 }),
  ]);
  for (const { init } of sent) bodies.push(JSON.parse(init.body as string) as Body);
  expect([a, b, c]).toMatchObject([{ value: { id: "a" } }, { value: { id: "b" } }, { reason: never }]);
  expect(sent.map(asked)).toEqual([
    ["a", "b", "c"],
    ["a", "b"],
    ["a", "b"],
  ]);
  const keys = bodies.map(({ jobs = [] }) => jobs.map(({ idempotencyKey }) => idempotencyKey));
  expect(keys[0]?.slice(1)).toEqual(["mine", undefined]);
  expect(keys[1]).toEqual(keys[0]?.slice(0, 2));
  expect(keys[2]).toEqual(keys[1]);
});

test("one that may not be is told so alone, and the others go on without it", async () => {
  const { sent, fetch } = answering(
    () => json(problem("invalid", { faults: [{ path: "jobs[1].name", message: "jobs[1].name is missing" }] }), 422),
    () => json(problem("invalid", { faults: [{ path: "name", message: "name is missing" }] }), 422),
    () => json({ results: [{ id: "a" }, { id: "c" }] }),
  );
  const { api } = hasty({ fetch });
  const ended = await Promise.allSettled(["a", "b", "c"].map((name) => api.jobs.submit(job(name))));
  expect(sent.map(asked)).toEqual([["a", "b", "c"], "b", ["a", "c"]]);
  expect(ended).toMatchObject([{ value: { id: "a" } }, { reason: { faults: [{ path: "name" }] } }, { value: { id: "c" } }]);
});

test("a server that takes less at once gets less at once", async () => {
  const { sent, fetch } = answering(
    () => json(problem("too_large"), 413),
    () => json({ results: [{ id: "a" }, { id: "b" }] }),
    () => json({ id: "c" }),
  );
  const { api } = hasty({ fetch });
  await Promise.all(["a", "b", "c"].map((name) => api.jobs.submit(job(name))));
  expect(sent.map(asked)).toEqual([["a", "b", "c"], ["a", "b"], "c"]);
});

test("when the server failed, nobody knows of which: those with keys are sent again alone, and nobody else twice", async () => {
  const { sent, fetch } = answering(
    () => json(problem("internal", { requestId: "req_1" }), 500),
    () => json({ id: "a" }),
    () => json(problem("internal", { requestId: "req_2" }), 500),
  );
  const { api } = hasty({ fetch });
  const ended = await Promise.allSettled([
    api.jobs.submit(job("a")),
    api.jobs.submit({ ...job("b"), idempotencyKey: "k" }),
    api.jobs.submit(job("c"), { retries: 0 }),
  ]);
  expect(sent.map(asked)).toEqual([["a", "b", "c"], "a", "b"]);
  expect(ended).toMatchObject([
    { value: { id: "a" } },
    { reason: { code: "internal", details: { requestId: "req_2" } } },
    { reason: { code: "internal", details: { requestId: "req_1" } } },
  ]);
});

test("what is refused to all is refused to each", async () => {
  const { sent, fetch } = answering(() => json(problem("forbidden"), 403));
  const { api } = hasty({ fetch });
  const [a, b] = await Promise.allSettled(["a", "b"].map((name) => api.jobs.submit(job(name))));
  expect([a, b]).toMatchObject([{ reason: { code: "forbidden" } }, { reason: { code: "forbidden" } }]);
  expect((a as PromiseRejectedResult).reason).not.toBe((b as PromiseRejectedResult).reason);
  expect(sent).toHaveLength(1);
  const other = answering(() => json({ results: [] }));
  const api2 = hasty({ fetch: other.fetch }).api;
  await expect(Promise.all(["a", "b"].map((name) => api2.jobs.submit(job(name))))).rejects.toMatchObject({ code: "unreachable" });
});
