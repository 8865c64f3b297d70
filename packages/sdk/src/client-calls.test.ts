/** What the client makes of several calls: lists over pages, handler jobs with types. */
import type { JobJson } from "@windlass/contract";
import type { Handler, Json } from "@windlass/kernel";
import { expect, expectTypeOf, test } from "vitest";
import { answering, hasty, json } from "./client-fixture.ts";
import { client } from "./client.ts";

test("a list is read page after page, each only when it is needed", async () => {
  const pages = answering(
    () => json({ items: [1, 2], nextCursor: "a" }),
    () => json({ items: [], nextCursor: "b" }),
    () => json({ items: [3], nextCursor: null }),
  );
  const { api } = hasty({ fetch: pages.fetch });
  const all = api.jobs.each({ state: ["failed"], limit: 2 });
  expectTypeOf(all).toEqualTypeOf<AsyncGenerator<JobJson>>();
  await all.next();
  expect(pages.sent).toHaveLength(1);
  expect(await Array.fromAsync(all)).toEqual([2, 3]);
  expect(pages.sent.map(({ url }) => new URL(url).searchParams.get("cursor"))).toEqual([null, "a", "b"]);
});

test("a job for a handler is submitted by its name, with times as Date or text", async () => {
  const { sent, fetch } = answering(() => json({ id: "job_1" }));
  const { api } = hasty({ fetch, retries: 0 });
  await api.submit("resize", { width: 10 }, { queue: "images", notBefore: new Date(0), retry: { limit: 3 }, idempotencyKey: "k" });
  await api.submit("tidy");
  expect(sent.map(({ init }) => JSON.parse(init.body as string) as unknown)).toEqual([
    {
      name: "resize",
      executor: "handler",
      spec: { handler: "resize" },
      input: { width: 10 },
      queue: "images",
      notBefore: "1970-01-01T00:00:00.000Z",
      retry: { limit: 3 },
      idempotencyKey: "k",
    },
    { name: "tidy", executor: "handler", spec: { handler: "tidy" } },
  ]);
});

test("the type of the handlers is the type of what may be submitted", () => {
  const handlers = {
    resize: ({ input }: Parameters<Handler<{ width: number }>>[0]) => input.width,
    tidy: () => null,
  };
  const api = client<typeof handlers>({ url: "http://h" });
  void (() => api.submit("resize", { width: 10 }));
  void (() => api.submit("tidy"));
  // @ts-expect-error no such handler
  void (() => api.submit("resise", { width: 10 }));
  // @ts-expect-error not what it takes
  void (() => api.submit("resize", { width: "10" }));
  // @ts-expect-error it takes something
  void (() => api.submit("resize"));
  expectTypeOf(api).toHaveProperty("submit");
});

test("an input that is no JSON is a fault of its caller, and not of the server", async () => {
  const { sent, fetch } = answering(() => json({}));
  const { api } = hasty({ fetch, gather: false });
  const circle: Record<string, Json> = {};
  circle["self"] = circle;
  await expect(api.submit("resize", circle)).rejects.toThrow(TypeError);
  expect(sent).toHaveLength(0);
});
