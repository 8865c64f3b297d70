/** Calls that are repeated under their key, over the API. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
  await server.work({ echo: ({ input }) => input });
});
afterAll(() => server.close());

const keyed = (key: string) => ({ headers: { "idempotency-key": key } });
const put = (key: string, body: object, name = "mail"): Promise<Response> =>
  server.ask("PUT", `/api/v1/queues/${name}`, { body, ...keyed(key) });

test("the same call under the same key is carried out once, and answered with the first answer", async () => {
  const first = await put("k1", { paused: true });
  const text = await first.text();
  expect([first.status, first.headers.get("idempotency-replayed")]).toEqual([200, null]);
  await server.api.queues.put({ name: "mail", paused: false });
  const again = await put("k1", { paused: true });
  expect([again.status, again.headers.get("idempotency-replayed")]).toEqual([200, "true"]);
  expect(await again.text()).toBe(text);
  expect((await server.api.queues.get({ name: "mail" })).paused).toBe(false);
  expect((await put("k2", { paused: true })).headers.get("idempotency-replayed")).toBeNull();
});

test("another call under the key is refused, be it the body or the address that differs", async () => {
  await put("k3", { paused: true });
  for (const answer of [await put("k3", { paused: false }), await put("k3", { paused: true }, "other")]) {
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ code: "idempotency_mismatch" });
  }
});

test("while the first is under way, the second is told when to come back", async () => {
  const { answers } = server.engine.context.store;
  const take = answers.take.bind(answers);
  let taken = (): void => {};
  const both = new Promise<void>((resolve) => {
    taken = resolve;
  });
  let calls = 0;
  Object.assign(answers, {
    take: async (...given: Parameters<typeof take>) => {
      const result = await take(...given);
      if (++calls === 2) taken();
      // The first one goes on only when the second has looked.
      await both;
      return result;
    },
  });
  const [first, second] = await Promise.all([put("k4", { paused: true }), put("k4", { paused: true })]);
  Object.assign(answers, { take });
  const [done, refused] = first.status === 200 ? [first, second] : [second, first];
  expect([done.status, refused.status, refused.headers.get("retry-after")]).toEqual([200, 409, "1"]);
  expect(await refused.json()).toMatchObject({ code: "idempotency_underway" });
  expect((await put("k4", { paused: true })).headers.get("idempotency-replayed")).toBe("true");
});

test("a refusal that may change is not kept; one that cannot is", async () => {
  const { api, ask } = server;
  const { id } = await api.jobs.submit({ name: "echo", executor: "handler", spec: { handler: "echo" } });
  const retry = (): Promise<Response> => ask("POST", "/api/v1/jobs/job_none/retry", { body: {}, ...keyed("k5") });
  expect([(await retry()).status, (await retry()).headers.get("idempotency-replayed")]).toEqual([404, null]);
  await api.wait(id);
  const cancel = (): Promise<Response> => ask("POST", `/api/v1/jobs/${id}/cancel`, { body: {}, ...keyed("k6") });
  const [first, again] = [await cancel(), await cancel()];
  expect([first.status, again.status, again.headers.get("idempotency-replayed")]).toEqual([409, 409, "true"]);
  expect(await again.json()).toMatchObject({ code: "job_finished", detail: expect.stringContaining(id) });
});

test("retrying a job under a key makes one new job", async () => {
  const { api, ask } = server;
  const { id } = await api.jobs.submit({ name: "once", executor: "handler", spec: { handler: "echo" } });
  await api.wait(id);
  const retry = async (): Promise<string> =>
    ((await (await ask("POST", `/api/v1/jobs/${id}/retry`, { body: {}, ...keyed("k7") })).json()) as { id: string }).id;
  expect(await retry()).toBe(await retry());
  expect((await api.jobs.list({ name: "once" })).items).toHaveLength(2);
});

/** Ends a job, and has it run again under a key while the store does as `commit` says. */
async function retriedWhile(key: string, name: string, wrap: (commit: () => Promise<unknown>) => Promise<unknown>): Promise<Response[]> {
  const { api, ask, engine } = server;
  const { id } = await api.jobs.submit({ name, executor: "handler", spec: { handler: "echo" } });
  await api.wait(id);
  const { jobs } = engine.context.store;
  const commit = jobs.commit.bind(jobs);
  const isRetry = ([change]: Parameters<typeof commit>[0]): boolean => change?.type === "submit";
  Object.assign(jobs, {
    commit: (...given: Parameters<typeof commit>) => (isRetry(given[0]) ? wrap(() => commit(...given)) : commit(...given)),
  });
  const retry = (): Promise<Response> => ask("POST", `/api/v1/jobs/${id}/retry`, { body: {}, ...keyed(key) });
  const first = await retry();
  Object.assign(jobs, { commit });
  return [first, await retry(), await retry()];
}

test("when the reply to a commit was lost, the call is not carried out again under its key: its caller is told that nobody knows", async () => {
  const [first, ...again] = await retriedWhile("k-lost", "lost", async (commit) => {
    await commit();
    throw new Error("the connection was cut before the reply");
  });
  expect(first?.status).toBe(500);
  for (const answer of again) {
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: "idempotency_unknown",
      detail: expect.stringContaining("may have been carried out"),
    });
  }
  expect((await server.api.jobs.list({ name: "lost" })).items).toHaveLength(2);
});

test("a key whose holder died is not free: after its time, that nobody knows is said", async () => {
  const { context } = server.engine;
  const { answers } = context.store;
  const day = 24 * 3_600_000;
  await put("k-seen", { paused: true });
  const { requestHash } = await answers.take(underway("k-seen"), context.now());
  for (const [ageMs, code] of [
    [60_000, "idempotency_underway"],
    [6 * 60_000, "idempotency_unknown"],
  ] as const) {
    const key = `k-dead-${code}`;
    await answers.take({ ...underway(key), requestHash, expiresAt: context.now() + day - ageMs }, context.now());
    expect(await (await put(key, { paused: true })).json()).toMatchObject({ code });
  }
});

function underway(key: string) {
  const asked = { workspace: "default", principal: "admin", operation: "queues.put", key, requestHash: "other" };
  return { ...asked, holder: "req_dead", status: null, body: null, expiresAt: 0 };
}

test("a secret is shown once: its answer is not kept, key or no key", async () => {
  const create = (): Promise<Response> => server.ask("POST", "/api/v1/tokens", { body: { name: "ci", roles: ["read"] }, ...keyed("k8") });
  expect([(await create()).status, (await create()).status]).toEqual([201, 409]);
});

test("keys of one token say nothing to another", async () => {
  const { secret } = await server.api.tokens.create({ name: "writer", roles: ["write"] });
  await put("k9", { paused: true });
  const headers = { ...keyed("k9").headers, authorization: `Bearer ${secret}` };
  const other = await server.ask("PUT", "/api/v1/queues/mail", { body: { paused: false }, headers });
  expect([other.status, other.headers.get("idempotency-replayed")]).toEqual([200, null]);
});

test.each(["", "a b", "ü", "x".repeat(256)])("%j is no key", async (key) => {
  const answer = await put(key.replace("ü", "\u00fc"), { paused: true });
  expect(answer.status).toBe(422);
});

test("kept answers go when their time is over", async () => {
  const { context } = server.engine;
  const { answers } = context.store;
  await put("k10", { paused: true });
  expect(await answers.prune(context.now() + 23 * 3_600_000, 100)).toBe(0);
  expect(await answers.prune(context.now() + 24 * 3_600_000 + 1, 100)).toBeGreaterThan(0);
  expect((await put("k10", { paused: false })).status).toBe(200);
});

test("a key that cannot be given back hides no refusal", async () => {
  const { answers } = server.engine.context.store;
  const release = answers.release.bind(answers);
  Object.assign(answers, { release: () => Promise.reject(new Error("the store is away")) });
  const refused = await server.ask("POST", "/api/v1/jobs/job_none/retry", { body: {}, ...keyed("k9") });
  Object.assign(answers, { release });
  expect(await refused.json()).toMatchObject({ code: "not_found" });
});
