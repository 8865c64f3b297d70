import { expect, test } from "vitest";
import { openStreams } from "./open-streams.ts";

test("tokens of which many change at once are looked at one look at a time, and once more behind the last change", async () => {
  const streams = openStreams(1);
  const answers = [Promise.withResolvers<boolean>(), Promise.withResolvers<boolean>()];
  let looks = 0;
  const isGood = (): Promise<boolean> => answers[looks++]?.promise ?? expect.fail("it was looked at too often");
  const { signal } = streams.open(new AbortController().signal, { name: "reader", isGood });
  const first = streams.endRevoked();
  await Promise.resolve();
  const later = Promise.all(Array.from({ length: 100 }, () => streams.endRevoked()));
  answers[0]?.resolve(true);
  await first;
  expect(signal.aborted).toBe(false);
  answers[1]?.resolve(false);
  await later;
  expect([looks, signal.aborted, streams.count]).toEqual([2, true, 0]);
});
