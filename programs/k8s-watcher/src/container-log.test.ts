/** What is read of a log, from a cluster that breaks off and removes, to a server that may have less than it was told. */
import { expect, test } from "vitest";
import { early, entry, logOf, ONE, tailOf, THREE, TWO, type Given } from "./container-log-fixture.ts";

test("a log that is cut is whole only when it was read to its end", async () => {
  const [one, two] = [entry(1, "one"), entry(2, "two")];
  const { log, clock, text, news } = logOf([{ chunks: [one], isCut: true }, { chunks: [one, two] }]);
  await clock.until(() => text() === "one\n", 200);
  expect(log.isReading()).toBe(true);
  expect(log.tail()).toMatchObject({ isWhole: false });
  await clock.advance(60_000);
  await log.done;
  expect(news()).toBe(1);
  expect(log.isReading()).toBe(false);
  expect(log.tail()).toMatchObject({ isWhole: true, wasCut: false });
  expect(text()).toBe("one\ntwo\n");
  expect(tailOf(log)).toBe("one\ntwo\n");
});

test("a log that is empty is read again once its container has ended: a node may end a stream that it has only begun", async () => {
  const { log, clock, text } = logOf([{ chunks: [] }, { chunks: [entry(1, "one")] }], { hasEnded: (reads) => reads > 0 });
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\n");
});

test("a log whose stream ended before its container is read on, from the second of its last line, and each line is told once", async () => {
  const [one, two, more] = [entry(1, "one"), entry(2, "two"), "2026-01-01T00:00:02.5Z more\n"];
  const { log, clock, text, since } = logOf([{ chunks: [one, two] }, { chunks: [two, more] }], early);
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\ntwo\nmore\n");
  expect(tailOf(log)).toBe("one\ntwo\nmore\n");
  expect(log.tail().isWhole).toBe(true);
  expect(since).toEqual([null, "2026-01-01T00:00:02.000Z"]);
});

test("a log of which the look after the end shows nothing is read from its beginning", async () => {
  const { log, clock, text, since } = logOf([{ chunks: [ONE] }, { chunks: [] }, { chunks: [ONE, TWO] }], early);
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\ntwo\n");
  expect(since).toEqual([null, "2026-01-01T00:00:01.000Z", null]);
});

test("a log in which the clock was set back is read from its beginning: what lies behind a second is not all that was printed since", async () => {
  const { log, clock, text, since } = logOf([{ chunks: [TWO, ONE] }, { chunks: [TWO, ONE, THREE] }], early);
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("two\none\nthree\n");
  expect(since).toEqual([null, null]);
});

test("a log that is gone when it is looked at after the end is told as far as it came, and is not whole", async () => {
  const { log, clock, text } = logOf([{ chunks: [ONE] }], early);
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\n");
  expect(log.tail().isWhole).toBe(false);
});

test("a log that is gone before it was read to its end is read no more, and is not whole", async () => {
  const { log, clock } = logOf([{ chunks: [entry(1, "one")], isCut: true }]);
  await clock.advance(60_000);
  await log.done;
  expect(log.isReading()).toBe(false);
  expect(log.tail()).toMatchObject({ isWhole: false });
  expect(tailOf(log)).toBe("one\n");
});

test("a line costs no copy of the tail that it is added to", { timeout: 5_000 }, async () => {
  const tailBytes = 1_200_000;
  const long = entry(1, "0123456789".repeat(200_000));
  const lines = Array.from({ length: 50 }, () => entry(2, "a line").repeat(1_000));
  const { log, clock } = logOf([{ chunks: [long, ...lines] }], { tailBytes });
  await clock.until(() => log.tail().isWhole, 600_000);
  expect(log.tail()).toMatchObject({ wasCut: true });
  expect(log.tail().bytes).toHaveLength(tailBytes);
  expect(tailOf(log).endsWith("a line\na line\n")).toBe(true);
});

test("what the server has less than it was told is read again from the beginning", async () => {
  const { log, clock, pieces } = logOf([{ chunks: [ONE], isCut: true }, { chunks: [ONE, TWO] }, { chunks: [ONE, TWO, THREE] }], {
    forgets: (_piece, told) => (told === 2 ? 0 : null),
  });
  await clock.until(() => log.tail().isWhole, 200_000);
  await clock.advance(60_000);
  await log.done;
  const after = pieces.slice(2);
  expect(after[0]).toMatchObject({ offset: 0, isRestLost: false });
  expect(after.map(({ text }) => text).join("")).toBe("one\ntwo\nthree\n");
});

test("what the server lacks and the cluster has removed meanwhile is passed over, and said to be lost", async () => {
  const { log, clock, pieces, machine } = logOf(
    [{ chunks: [ONE], isCut: true }, { chunks: [ONE, TWO], isCut: true }, { chunks: [TWO, THREE] }],
    {
      forgets: (_piece, told) => (told === 2 ? 0 : null),
    },
  );
  await clock.until(() => log.tail().isWhole, 200_000);
  await clock.advance(60_000);
  await log.done;
  expect(pieces.slice(2)).toMatchObject([{ offset: 8, isRestLost: true, text: "three\n" }]);
  expect(await machine.metrics.text()).toContain("windlass_k8s_watcher_log_lost_bytes_total 8");
});

test("what the server lacks of a log that is gone is said to be lost", async () => {
  const { log, clock, pieces } = logOf([{ chunks: [ONE], isCut: true }, { chunks: [ONE, TWO] }], {
    forgets: (_piece, told) => (told === 2 ? 0 : null),
  });
  await clock.until(() => log.tail().isWhole, 200_000);
  await clock.advance(60_000);
  await log.done;
  expect(pieces.slice(2)).toMatchObject([{ offset: 8, isRestLost: true, text: "" }]);
});

/** What a watcher does that finds a log of which another one told the beginning, and which began anew since. */
async function takenUp(before: Given["before"], ...answers: readonly (readonly string[])[]) {
  const given = before === undefined ? {} : { before };
  const { log, clock, text, pieces } = logOf(
    answers.map((chunks) => ({ chunks })),
    given,
  );
  await clock.until(() => log.tail().isWhole && !log.isReading(), 200_000);
  await clock.advance(60_000);
  await log.done;
  return { text: text(), tail: tailOf(log), isWhole: log.tail().isWhole, gaps: pieces.filter(({ isBehindGap }) => isBehindGap).length };
}

test("a log whose beginning another watcher told, and is gone, is told on behind the last line that the server has", async () => {
  const before = { text: "one\ntwo\n", last: { time: "2026-01-01T00:00:02Z", offset: 4 } };
  const left = [TWO, THREE];
  expect(await takenUp(before, left, left)).toEqual({ text: "one\ntwo\nthree\n", tail: "two\nthree\n", isWhole: true, gaps: 0 });
});

test("when the last line that the server has is gone, too, a gap is told, once", async () => {
  const before = { text: "one\n", last: { time: "2026-01-01T00:00:01Z", offset: 0 } };
  const left = [THREE, entry(4, "four")];
  expect(await takenUp(before, left, left)).toEqual({ text: "one\nthree\nfour\n", tail: "three\nfour\n", isWhole: true, gaps: 1 });
});

test("so it is when the server does not know what its last line is", async () => {
  expect(await takenUp({ text: "one\n" }, [THREE], [THREE])).toMatchObject({ text: "one\nthree\n", gaps: 1 });
});

test("each piece names the last line of which there is something in it, of several of one time the first", async () => {
  const { log, clock, pieces } = logOf([{ chunks: [ONE, TWO, entry(2, "and two")] }]);
  await clock.advance(60_000);
  await log.done;
  expect(pieces.map(({ last }) => last)).toEqual([{ time: "2026-01-01T00:00:02Z", offset: 4 }]);
});
