import { expect, expectTypeOf, test } from "vitest";
import type { JobJson } from "@windlass/contract";
import { client } from "./client.ts";

type Sent = { readonly url: string; readonly init: RequestInit };

function recording(answer: () => Response): { readonly sent: Sent[]; readonly fetch: typeof fetch } {
  const sent: Sent[] = [];
  return {
    sent,
    fetch: async (url, init) => {
      sent.push({ url: new Request(url).url, init: init ?? {} });
      return answer();
    },
  };
}

const json = (body: unknown, status = 200): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });

test("fields go to path, query and body by the table of routes", async () => {
  const { sent, fetch } = recording(() => json({ items: [] }));
  const api = client({ url: "http://127.0.0.1:4180/", token: "secret", fetch });
  await api.jobs.list({ state: ["running", "queued"], limit: 5 });
  await api.jobs.cancel({ id: "job_1", message: "enough" });
  await api.queues.put({ name: "a/b", paused: true });
  // Misspelt, by who has no compiler: for the server to refuse.
  await api.jobs.list({ sate: ["failed"], kind: undefined } as object);
  expect(sent.map(({ url, init }) => [init.method, url, init.body])).toEqual([
    ["GET", "http://127.0.0.1:4180/api/v1/jobs?state=running&state=queued&limit=5", undefined],
    ["POST", "http://127.0.0.1:4180/api/v1/jobs/job_1/cancel", '{"message":"enough"}'],
    ["PUT", "http://127.0.0.1:4180/api/v1/queues/a%2Fb", '{"paused":true}'],
    ["GET", "http://127.0.0.1:4180/api/v1/jobs?sate=%5B%22failed%22%5D", undefined],
  ]);
  expect(sent[0]?.init.headers).toMatchObject({ authorization: "Bearer secret" });
});

test("types come from the operations", () => {
  const api = client({ url: "http://127.0.0.1:1" });
  expectTypeOf(api.jobs.list).returns.resolves.toEqualTypeOf<{ items: JobJson[]; nextCursor: string | null }>();
  expectTypeOf(api.jobs.list).parameter(0).exclude<undefined>().toHaveProperty("limit").toEqualTypeOf<number | undefined>();
  expectTypeOf(api.jobs.get).parameter(0).toEqualTypeOf<{ id: string }>();
  // @ts-expect-error no such field
  void (() => api.jobs.get({ id: "x", nonsense: 1 }));
});

test("a refusal is thrown with its code and every fault", async () => {
  const problem = {
    type: "urn:windlass:error:invalid",
    title: "t",
    status: 422,
    code: "invalid",
    detail: "two faults",
    faults: [{ path: "name", message: "is missing" }],
  };
  const { fetch } = recording(() => json(problem, 422));
  await expect(client({ url: "http://h", fetch }).jobs.get({ id: "job_1" })).rejects.toMatchObject({
    code: "invalid",
    message: "two faults",
    faults: problem.faults,
  });
});

test("an address where nobody answers is named, with what to do", async () => {
  const refusing: typeof fetch = async () => {
    throw new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
  };
  await expect(client({ url: "http://127.0.0.1:9", fetch: refusing, retries: 0 }).system.info()).rejects.toMatchObject({
    code: "unreachable",
    message: expect.stringMatching(/no Windlass server answers at http:\/\/127\.0\.0\.1:9 \(connection refused\).*WINDLASS_URL/u),
  });
});

test("another program at the address is told apart", async () => {
  const { fetch } = recording(() => new Response("<html>", { status: 404 }));
  await expect(client({ url: "http://h", fetch }).system.info()).rejects.toThrow(/is no Windlass server/u);
});

test.each(["", "..", "."])("an id %j never addresses something else", async (id) => {
  const { fetch, sent } = recording(() => json({}));
  await expect(client({ url: "http://h", fetch }).jobs.get({ id })).rejects.toMatchObject({ code: "invalid" });
  expect(sent).toEqual([]);
});

test("what is no address is refused at once", () => {
  expect(() => client({ url: "localhost:4180" })).toThrow(/it must be like/u);
});

const sse = (...items: readonly (readonly [id: string, item: object])[]): Response =>
  new Response(items.map(([id, item]) => `id: ${id}\ndata: ${JSON.stringify(item)}\n\n`).join("") + ": alive\n\n", {
    headers: { "content-type": "text/event-stream" },
  });

test("a lost stream goes on behind its last item, until the end", async () => {
  const answers = [
    () => sse(["1", { type: "job" }], ["2", { type: "event", n: 2 }]),
    () => {
      throw new TypeError("fetch failed");
    },
    () => sse(["3", { type: "end" }]),
  ];
  const { sent, fetch } = recording(() => (answers.shift() ?? (() => json({})))());
  const rests: number[] = [];
  const api = client({ url: "http://h", fetch, pause: async (delay) => void rests.push(delay) });
  const types: string[] = [];
  for await (const item of api.jobs.watch({ id: "job_1" })) types.push(item.type);
  expect(types).toEqual(["job", "event", "end"]);
  expect(sent.map(({ init }) => (init.headers as Record<string, string>)["last-event-id"])).toEqual([undefined, "2", "2"]);
  expect(rests).toEqual([200, 400]);
});

test("a refusal ends a stream instead of being tried again", async () => {
  const problem = { code: "not_found", detail: "there is no job x", status: 404 };
  const answers = [sse(["1", { type: "job" }]), json(problem, 404)];
  const { fetch } = recording(() => answers.shift() ?? json({}));
  const api = client({ url: "http://h", fetch, pause: async () => {} });
  const read = async (): Promise<void> => {
    for await (const _ of api.jobs.watch({ id: "x" }));
  };
  await expect(read()).rejects.toMatchObject({ code: "not_found" });
});
