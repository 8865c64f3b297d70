/** What was read is not sent again, and not overwritten by who has read something older. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const source = (...steps: string[]): string => JSON.stringify({ name: "nightly", steps });
const apply = (steps: string[], headers: Record<string, string>): Promise<Response> =>
  server.ask("POST", "/api/v1/workflows", { body: { source: source(...steps) }, headers });

test("a single object that is the same is not sent again", async () => {
  const { api, ask } = server;
  const { id } = await api.jobs.submit({ name: "a", executor: "handler", spec: { handler: "a" } });
  const first = await ask("GET", `/api/v1/jobs/${id}`);
  const tag = first.headers.get("etag") ?? "";
  expect(tag).toMatch(/^"[0-9a-f]{22}"$/u);
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`]) {
    const again = await ask("GET", `/api/v1/jobs/${id}`, { headers: { "if-none-match": known } });
    expect([again.status, again.headers.get("etag"), await again.text()]).toEqual([304, tag, ""]);
  }
  await api.jobs.cancel({ id });
  expect((await ask("GET", `/api/v1/jobs/${id}`, { headers: { "if-none-match": tag } })).status).toBe(200);
});

test("who has read something older does not overwrite what is newer", async () => {
  const made = await apply(["one"], { "if-none-match": "*" });
  expect(made.status).toBe(200);
  const tag = made.headers.get("etag") ?? "";
  expect(tag).toMatch(/^"1-[0-9a-f]+"$/u);
  const twice = await apply(["one"], { "if-none-match": "*" });
  expect(twice.status).toBe(412);
  expect(await twice.json()).toMatchObject({ code: "revision_mismatch", details: { revision: 1 } });
  expect((await apply(["two"], { "if-match": tag })).status).toBe(200);
  expect((await apply(["three"], { "if-match": tag })).status).toBe(412);
  expect((await apply(["three"], { "if-match": '"2"' })).status).toBe(200);
  const gone = (headers: Record<string, string>): Promise<Response> => server.ask("DELETE", "/api/v1/workflows/nightly", { headers });
  expect((await gone({ "if-match": '"2"' })).status).toBe(412);
  expect((await server.api.workflows.versions({ name: "nightly", limit: 2 })).nextBefore).toBe(2);
  expect(await (await gone({ "if-match": "*" })).json()).toEqual({ removed: 3 });
  expect((await gone({ "if-match": "*" })).status).toBe(412);
  expect((await gone({})).status).toBe(404);
});

test("of two who set a queue at once, the one who has not seen the other is refused", async () => {
  const put = (body: object, headers: Record<string, string>): Promise<Response> =>
    server.ask("PUT", "/api/v1/queues/mail", { body, headers });
  expect((await put({ concurrencyLimit: 1 }, { "if-none-match": "*" })).status).toBe(200);
  const tag = (await server.ask("GET", "/api/v1/queues/mail")).headers.get("etag") ?? "";
  const paused = await put({ paused: true }, { "if-match": tag });
  expect([paused.status, paused.headers.get("etag")]).toEqual([200, expect.stringMatching(/^"2-/u)]);
  expect(await (await put({ concurrencyLimit: 5 }, { "if-match": tag })).json()).toMatchObject({
    code: "revision_mismatch",
    detail: expect.stringContaining("queue mail is at revision 2 now"),
  });
});

test("a queue that somebody else has set since is not deleted", async () => {
  await server.api.queues.put({ name: "old", concurrencyLimit: 1 });
  const tag = (await server.ask("GET", "/api/v1/queues/old")).headers.get("etag") ?? "";
  await server.api.queues.put({ name: "old", concurrencyLimit: 2 });
  const gone = (headers: Record<string, string>): Promise<Response> => server.ask("DELETE", "/api/v1/queues/old", { headers });
  expect(await (await gone({ "if-match": tag })).json()).toMatchObject({ code: "revision_mismatch" });
  expect((await server.api.queues.get({ name: "old" })).concurrencyLimit).toBe(2);
  await server.api.queues.delete({ name: "old" }, { ifMatch: 2 });
  expect((await gone({ "if-match": "*" })).status).toBe(404);
});

test("of the client, a revision is enough", async () => {
  const { api } = server;
  await api.workflows.apply({ source: source("a") }, { ifMatch: 0 });
  await expect(api.workflows.apply({ source: source("b") }, { ifMatch: 0 })).rejects.toMatchObject({ code: "revision_mismatch" });
  await api.workflows.apply({ source: source("b") }, { ifMatch: 1 });
  await expect(api.workflows.delete({ name: "nightly@1" })).rejects.toMatchObject({ code: "invalid" });
  expect(await api.workflows.delete({ name: "nightly" }, { ifMatch: 2 })).toEqual({ removed: 2 });
});

test("what means nothing is refused, not passed over", async () => {
  for (const wrong of ["3", 'W/"3"', '"a", "b"', "x"]) expect((await apply(["a"], { "if-match": wrong })).status).toBe(400);
  expect((await apply(["a"], { "if-none-match": '"3"' })).status).toBe(400);
  const cancel = await server.ask("POST", "/api/v1/jobs/job_1/cancel", { body: {}, headers: { "if-match": '"1"' } });
  expect(await cancel.json()).toMatchObject({ code: "bad_request", detail: expect.stringContaining("jobs.cancel") });
});
