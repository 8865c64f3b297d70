import { afterEach, expect, test, vi } from "vitest";
import { answering, hasty, lost, sse } from "./client-fixture.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** Says this and no more, and does not close. */
const openedWith = (text: string): Response =>
  new Response(new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) }), {
    headers: { "content-type": "text/event-stream" },
  });

async function typesOf(items: AsyncIterable<{ readonly type: string }>): Promise<string[]> {
  const types: string[] = [];
  for await (const { type } of items) types.push(type);
  return types;
}

test("a connection on which nothing comes any more is lost, and the stream goes on behind its last item", async () => {
  vi.useFakeTimers();
  const { sent, fetch } = answering(
    () => openedWith('id: 7\ndata: {"type":"job"}\n\n'),
    () => sse(["8", { type: "end" }]),
  );
  const reading = typesOf(hasty({ fetch }).api.jobs.watch({ id: "job_1" }));
  await vi.advanceTimersByTimeAsync(80_000);
  expect(await reading).toEqual(["job", "end"]);
  expect(sent.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "7"]);
});

test("that a connection was lost is told once, however often it is tried again, and again after items came", async () => {
  const { fetch } = answering(
    () => sse(["7", { type: "job" }]),
    lost("ECONNREFUSED"),
    lost("ECONNREFUSED"),
    () => sse(["8", { type: "job" }]),
    () => sse(["9", { type: "end" }]),
  );
  const told: unknown[] = [];
  expect(await typesOf(hasty({ fetch, onLost: (why) => told.push(why) }).api.jobs.watch({ id: "job_1" }))).toEqual(["job", "job", "end"]);
  expect(told).toEqual([null, null]);
});

test("a stream that broke before its first item goes on where the server said that it begins", async () => {
  const { sent, fetch } = answering(
    () => new Response("id: 41\n\n: alive\n\n", { headers: { "content-type": "text/event-stream" } }),
    () => sse(["42", { type: "end" }]),
  );
  expect(await typesOf(hasty({ fetch }).api.events.watch())).toEqual(["end"]);
  expect(sent.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, "41"]);
});

const beginning = (): Response => new Response("id: 41\n\n", { headers: { "content-type": "text/event-stream" } });

test("a server that says where the stream begins and hangs up is asked less and less often, and given up in the end", async () => {
  const { sent, fetch } = answering(...Array.from({ length: 30 }, () => beginning), () => sse(["42", { type: "end" }]));
  const { rests, api } = hasty({ fetch });
  await expect(typesOf(api.events.watch())).rejects.toMatchObject({ code: "unreachable" });
  expect(sent).toHaveLength(16);
  expect(rests).toEqual([200, 400, 800, 1_600, 3_200, ...Array.from({ length: 10 }, () => 5_000)]);
});

test("a connection that has stood for a while and gave signs of life is none of those that are counted", async () => {
  vi.useFakeTimers();
  const quiet = (): Response =>
    new Response(
      new ReadableStream({
        start: (controller) => {
          setTimeout(() => {
            controller.enqueue(new TextEncoder().encode(": alive\n\n"));
            controller.close();
          }, 15_000);
        },
      }),
      { headers: { "content-type": "text/event-stream" } },
    );
  const { fetch } = answering(...Array.from({ length: 40 }, () => quiet), () => sse(["42", { type: "end" }]));
  const reading = typesOf(hasty({ fetch }).api.events.watch());
  await vi.advanceTimersByTimeAsync(700_000);
  expect(await reading).toEqual(["end"]);
  expect(vi.getTimerCount()).toBe(0);
});

test("time in which nobody reads does not count as silence", async () => {
  vi.useFakeTimers();
  const { sent, fetch } = answering(() => sse(["7", { type: "job" }], ["8", { type: "end" }]));
  const items = hasty({ fetch }).api.jobs.watch({ id: "job_1" });
  await items.next();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(await typesOf(items)).toEqual(["end"]);
  expect(sent).toHaveLength(1);
});

test("the caller's signal ends a stream that hangs, without an error and without a timer left", async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const items = hasty({ fetch: answering(() => openedWith('data: {"type":"job"}\n\n')).fetch }).api.jobs.watch(
    { id: "job_1" },
    { signal: controller.signal },
  );
  await items.next();
  const next = items.next();
  controller.abort();
  expect(await next).toEqual({ done: true, value: undefined });
  expect(vi.getTimerCount()).toBe(0);
});

test("the caller's signal ends a stream also while its reader is busy with an item, whatever `fetch` makes of it", async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const items = hasty({ fetch: answering(() => openedWith('data: {"type":"job"}\n\n')).fetch }).api.jobs.watch(
    { id: "job_1" },
    { signal: controller.signal },
  );
  await items.next();
  controller.abort();
  expect(await items.next()).toEqual({ done: true, value: undefined });
  expect(vi.getTimerCount()).toBe(0);
});
