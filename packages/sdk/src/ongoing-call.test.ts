import { expect, test } from "vitest";
import { answering, busy, hasty, json, lost } from "./client-fixture.ts";

const KEY = "idempotency-key";
const submission = { name: "n", executor: "handler", spec: { handler: "n" } } as const;

test("a read that got no answer, or 503, is sent again after rests that grow", async () => {
  const { sent, fetch } = answering(lost("ECONNRESET"), busy, () => json({ items: [] }));
  const { api, rests } = hasty({ fetch });
  expect(await api.queues.list()).toEqual({ items: [] });
  expect(rests).toEqual([250, 500]);
  expect(sent).toHaveLength(3);
});

test("a submit that is sent again carries the same key, made by the client", async () => {
  const { sent, fetch } = answering(lost("ECONNRESET"), () => json({ id: "job_1" }));
  await hasty({ fetch }).api.jobs.submit(submission);
  const [first, second] = sent.map(({ headers }) => headers[KEY]);
  expect(first).toMatch(/^[0-9a-f-]{34}$/u);
  expect(second).toBe(first);
});

test("a key of the caller is used instead, from the body or from the options", async () => {
  const { sent, fetch } = answering(
    lost("ECONNRESET"),
    () => json({ id: "job_1" }),
    () => json({ id: "job_1" }),
  );
  const { api } = hasty({ fetch });
  await api.jobs.submit({ ...submission, idempotencyKey: "mine" });
  await api.jobs.submit(submission, { idempotencyKey: "mine too" });
  expect(sent.map(({ headers }) => headers[KEY])).toEqual([undefined, undefined, "mine too"]);
});

test("what happens twice when it is asked for twice is not sent again, unless nobody got it", async () => {
  const dropped = answering(lost("ECONNRESET"), () => json({}));
  await expect(hasty({ fetch: dropped.fetch }).api.jobs.retry({ id: "job_1" })).rejects.toMatchObject({ code: "unreachable" });
  const refused = answering(lost("ECONNREFUSED"), () => json({ id: "job_2" }));
  expect(await hasty({ fetch: refused.fetch }).api.jobs.retry({ id: "job_1" })).toEqual({ id: "job_2" });
});

test("Retry-After is kept, and told when it is too long to wait for", async () => {
  const soon = answering(
    () => busy({ "retry-after": "7" }),
    () => busy({ date: "Thu, 01 Jan 2026 00:00:00 GMT", "retry-after": "Thu, 01 Jan 2026 00:00:09 GMT" }),
    () => json({}),
  );
  const { api, rests } = hasty({ fetch: soon.fetch });
  await api.queues.list();
  expect(rests).toEqual([7_000, 9_000]);
  const late = answering(() => busy({ "retry-after": "3600" }));
  await expect(hasty({ fetch: late.fetch }).api.queues.list()).rejects.toMatchObject({
    code: "unavailable",
    details: { retryAfterSeconds: 3600 },
  });
  expect(late.sent).toHaveLength(1);
});

test("a refusal, and a program that is no server of ours, are not asked again", async () => {
  const refusal = answering(() => json({ code: "not_found", detail: "no", status: 404 }, 404));
  await expect(hasty({ fetch: refusal.fetch }).api.jobs.get({ id: "job_1" })).rejects.toMatchObject({ code: "not_found" });
  const other = answering(() => new Response("<html>", { status: 404 }));
  await expect(hasty({ fetch: other.fetch }).api.jobs.get({ id: "job_1" })).rejects.toMatchObject({ code: "unreachable" });
  expect([refusal.sent.length, other.sent.length]).toEqual([1, 1]);
});

test("it gives up after its retries; without retries it asks once and makes no key", async () => {
  const down = answering(lost("ECONNREFUSED"));
  const { api, rests } = hasty({ fetch: down.fetch });
  await expect(api.system.info()).rejects.toMatchObject({ code: "unreachable" });
  expect(rests).toEqual([250, 500, 1_000, 2_000]);
  const once = answering(lost("ECONNREFUSED"));
  await expect(hasty({ fetch: once.fetch, retries: 0 }).api.jobs.submit(submission)).rejects.toMatchObject({ code: "unreachable" });
  expect(once.sent.map(({ headers }) => headers[KEY])).toEqual([undefined]);
});

test("a call that takes too long ends with timed_out, also when fetch does not listen", async () => {
  const { api } = hasty({ fetch: () => new Promise(() => {}) });
  await expect(api.system.info({}, { timeoutMs: 1 })).rejects.toMatchObject({ code: "timed_out" });
  const slowBody = new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { status: 200 });
  await expect(hasty({ fetch: async () => slowBody }).api.system.info({}, { timeoutMs: 1 })).rejects.toMatchObject({ code: "timed_out" });
});

test("the caller's signal ends a call with its reason, before it is sent and while it runs", async () => {
  const { sent, fetch } = answering(() => json({}));
  const why = new Error("enough");
  await expect(hasty({ fetch }).api.system.info({}, { signal: AbortSignal.abort(why) })).rejects.toBe(why);
  expect(sent).toEqual([]);
  const controller = new AbortController();
  const running = hasty({
    fetch: () => {
      controller.abort(why);
      return new Promise(() => {});
    },
  }).api.system.info({}, { signal: controller.signal });
  await expect(running).rejects.toBe(why);
});

test("a wait gives up after its limit, and the job goes on", async () => {
  const { api } = hasty({ fetch: () => new Promise(() => {}) });
  await expect(api.wait("job_1", { limitMs: 1 })).rejects.toMatchObject({
    code: "timed_out",
    message: expect.stringContaining("it goes on"),
  });
});
