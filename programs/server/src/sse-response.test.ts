import { fakeClock, quietLogger } from "@windlass/testkit/fakes";
import { expect, test } from "vitest";
import type { StreamItem } from "./server-context.ts";
import { sseResponse } from "./sse-response.ts";

function opened(items: AsyncIterable<StreamItem<unknown>>, isGood: () => Promise<boolean> = async () => true) {
  const clock = fakeClock();
  const logger = quietLogger();
  let ends = 0;
  const answer = sseResponse(items, { clock, logger, ended: () => ends++, isGood });
  const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
  const read = async (): Promise<string | undefined> => {
    const { value } = await reader.read();
    return value === undefined ? undefined : new TextDecoder().decode(value);
  };
  return { clock, logger, reader, read, ends: () => ends };
}

test("items are sent with their ids, and the end is told once", async () => {
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    yield { id: "6" };
    yield { id: "7", item: { text: "two\nlines" } };
    yield { item: 1 };
  }
  const { read, ends } = opened(items());
  expect([await read(), await read(), await read(), await read(), await read()]).toEqual([
    "retry: 1000\n\n",
    "id: 6\n\n",
    'id: 7\ndata: {"text":"two\\nlines"}\n\n',
    "data: 1\n\n",
    undefined,
  ]);
  expect(ends()).toBe(1);
});

test("silence is filled, and costs no item", async () => {
  let give = (_item: StreamItem<unknown>): void => {};
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    yield await new Promise<StreamItem<unknown>>((resolve) => {
      give = resolve;
    });
  }
  const { clock, read } = opened(items());
  await read();
  const next = read();
  await clock.advance(15_000);
  expect(await next).toBe(": alive\n\n");
  give({ item: "late" });
  expect(await read()).toBe('data: "late"\n\n');
  expect(await read()).toBeUndefined();
  expect(clock.pending).toBe(0);
});

test("a silent stream ends with its token; that nobody can tell ends nothing", async () => {
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    yield await new Promise<never>(() => {});
  }
  const answers = [async () => true, () => Promise.reject(new Error("the store is away")), async () => false];
  const { clock, read, ends } = opened(items(), async () => answers.shift()?.() ?? false);
  await read();
  for (const expected of [": alive\n\n", ": alive\n\n", undefined]) {
    const next = read();
    await clock.advance(15_000);
    expect(await next).toBe(expected);
  }
  expect([ends(), clock.pending]).toEqual([1, 0]);
});

test("nothing is asked for ahead of a caller who does not read", async () => {
  let asked = 0;
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    for (;;) yield { item: asked++ };
  }
  const { clock, reader, ends } = opened(items());
  await clock.advance(1);
  expect(asked).toBeLessThanOrEqual(2);
  await reader.cancel();
  expect(ends()).toBe(1);
});

test("who leaves in the middle of silence ends the stream without a word", async () => {
  let leave = (): void => {};
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    await new Promise<void>((resolve) => {
      leave = resolve;
    });
    yield { item: "too late" };
  }
  const { clock, reader, read, ends, logger } = opened(items());
  await read();
  await clock.advance(1);
  await reader.cancel();
  leave();
  await clock.advance(20_000);
  expect([ends(), clock.pending, logger.lines]).toEqual([1, 0, []]);
});

test("a failing stream is logged and closed", async () => {
  async function* items(): AsyncGenerator<StreamItem<unknown>> {
    yield { item: 1 };
    throw new Error("the store is gone");
  }
  const { read, logger, ends } = opened(items());
  await read();
  await read();
  expect(await read()).toBeUndefined();
  expect(ends()).toBe(1);
  expect(logger.lines).toMatchObject([{ level: "error", fields: { error: "the store is gone" } }]);
});
