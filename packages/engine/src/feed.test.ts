import type { Store } from "@windlass/ports";
import { expect, test } from "vitest";
import { engineFixture, settled } from "./engine-fixture.ts";
import type { FeedItem, Subscription } from "./feed.ts";

/** Reads on in the background; what came is in the list. */
function collected(subscription: Subscription): FeedItem[] {
  const items: FeedItem[] = [];
  void (async () => {
    for await (const item of subscription) items.push(item);
  })();
  return items;
}

const typesOf = (items: readonly FeedItem[]): string[] => items.map((item) => (item.type === "event" ? item.event.type : "reset"));
const positionsOf = (items: readonly FeedItem[]): string[] => items.map((item) => (item.type === "event" ? item.position : ""));
const hundred = Array.from(
  { length: 100 },
  () => ({ kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler" }) as const,
);

test("a subscriber hears everything from then on, in the order of the commits, and only what it asked for", async () => {
  const { engine, submit, clock, close } = await engineFixture();
  await engine.feed.start();
  await submit();
  const all = collected(await engine.feed.subscribe(() => true));
  const ends = collected(await engine.feed.subscribe((event) => event.type === "job.finished"));
  const ids = [await submit(), await submit()];
  await engine.jobs.cancel(ids[0] ?? "", { by: "ada" });
  await clock.advance(1_000);
  expect(typesOf(all)).toEqual(["job.submitted", "job.submitted", "job.finished"]);
  expect(positionsOf(all)).toEqual(positionsOf(all).toSorted());
  expect(ends).toMatchObject([{ event: { jobId: ids[0] } }]);
  await engine.feed.stop();
  await close();
});

test("a late subscriber gets everything from the beginning, or from where it left off", async () => {
  const { engine, submit, clock, close } = await engineFixture();
  await engine.feed.start();
  for (let i = 0; i < 3; i++) await submit();
  const first = collected(await engine.feed.subscribe(() => true, ""));
  await clock.advance(1_000);
  expect(first).toHaveLength(3);
  const rest = collected(await engine.feed.subscribe(() => true, positionsOf(first)[0]));
  await clock.advance(1_000);
  expect(positionsOf(rest)).toEqual(positionsOf(first).slice(1));
  await engine.feed.stop();
  await close();
});

test("one who subscribes from the beginning during a read misses nothing", async () => {
  let answer = (): void => {};
  const wrap = (store: Store): Store => ({
    ...store,
    reads: {
      ...store.reads,
      async feed(after, limit) {
        const entries = await store.reads.feed(after, limit);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return entries;
      },
    },
  });
  const { engine, submit, clock, close } = await engineFixture({ wrap });
  await submit();
  const now = collected(await engine.feed.subscribe(() => true));
  await submit();
  await engine.feed.start();
  await settled();
  const late = collected(await engine.feed.subscribe(() => true, ""));
  for (let i = 0; i < 20; i++) {
    answer();
    await clock.advance(200);
  }
  expect(now).toHaveLength(1);
  expect(typesOf(late)).toEqual(["job.submitted", "job.submitted"]);
  const stopping = engine.feed.stop();
  answer();
  await stopping;
  await close();
});

test("a listener that is too slow is told to read again instead of filling the memory", async () => {
  const { engine, clock, close } = await engineFixture();
  await engine.feed.start();
  const subscription = await engine.feed.subscribe(() => true);
  for (let i = 0; i < 11; i++) await engine.jobs.submitMany(hundred);
  await clock.advance(2_000);
  const items = collected(subscription);
  await settled();
  expect(items[0]).toEqual({ type: "reset" });
  expect(items.length).toBeLessThan(1_000);
  await engine.feed.stop();
  await close();
});

test("one who comes back from far behind gets all of it, however slowly he reads, and then what is new", async () => {
  const { engine, submit, clock, close } = await engineFixture();
  await engine.feed.start();
  for (let i = 0; i < 15; i++) await engine.jobs.submitMany(hundred);
  const subscription = engine.feed.resume(() => true, "");
  await clock.advance(2_000);
  const items = collected(subscription);
  await clock.until(() => items.length === 1_500, 10_000);
  const id = await submit();
  await clock.until(() => items.length === 1_501, 10_000);
  expect(items.filter(({ type }) => type === "reset")).toEqual([]);
  expect(positionsOf(items)).toEqual([...new Set(positionsOf(items))].toSorted());
  expect(items.at(-1)).toMatchObject({ event: { jobId: id } });
  subscription.end();
  await engine.feed.stop();
  await close();
});

test("for one who is far behind nobody else reads anything again, and one who leaves meanwhile hears no more", async () => {
  let reads: string[] = [];
  const wrap = (store: Store): Store => ({
    ...store,
    reads: { ...store.reads, feed: (after, limit) => (reads.push(after), store.reads.feed(after, limit)) },
  });
  const { engine, submit, clock, outcome, close } = await engineFixture({ wrap });
  await engine.feed.start();
  for (let i = 0; i < 15; i++) await engine.jobs.submitMany(hundred);
  const end = await engine.context.store.reads.feedEnd();
  const now = collected(await engine.feed.subscribe(() => true));
  const subscription = engine.feed.resume(() => true, "");
  const slow = subscription[Symbol.asyncIterator]();
  await outcome(slow.next());
  reads = [];
  const id = await submit();
  await clock.advance(2_000);
  expect(now).toMatchObject([{ event: { jobId: id } }]);
  expect(reads.filter((from) => from < end)).toEqual([]);
  subscription.end();
  expect(await outcome(slow.next())).toEqual({ done: true, value: undefined });
  await engine.feed.stop();
  await close();
});

test("one who takes long for the last page of what he missed goes on by himself, and misses nothing", async () => {
  const { engine, clock, outcome, close } = await engineFixture();
  await engine.feed.start();
  await engine.jobs.submitMany(hundred);
  const subscription = engine.feed.resume(() => true, "");
  const slow = subscription[Symbol.asyncIterator]();
  const items = [await outcome(slow.next())];
  for (let i = 0; i < 15; i++) await engine.jobs.submitMany(hundred);
  await clock.advance(2_000);
  while (items.length <= 100) items.push(await outcome(slow.next()));
  // More comes than a listener may lag behind.
  await clock.advance(2_000);
  while (items.length < 1_600) items.push(await outcome(slow.next()));
  expect(new Set(items.map((item) => item.value.type))).toEqual(new Set(["event"]));
  subscription.end();
  await engine.feed.stop();
  await close();
});

test("without a subscriber nothing is read, and a subscription that ended hears no more", async () => {
  let reads = 0;
  const wrap = (store: Store): Store => ({
    ...store,
    reads: { ...store.reads, feed: (...given) => (reads++, store.reads.feed(...given)) },
  });
  const { engine, submit, clock, close } = await engineFixture({ wrap });
  await engine.feed.start();
  const subscription = await engine.feed.subscribe(() => true);
  const items = collected(subscription);
  await submit();
  await clock.advance(1_000);
  subscription.end();
  const before = reads;
  await submit();
  await clock.advance(10_000);
  expect([items.length, reads]).toEqual([1, before]);
  await engine.feed.stop();
  await close();
});
