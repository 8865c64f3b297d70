/** What is read of a log, from a cluster that breaks off and removes, to a server that may have less than it was told. */
import { Readable } from "node:stream";
import type { ClusterCall, ClusterClient } from "@windlass/kubernetes";
import { fakeClock, seededRandom } from "@windlass/testkit";
import { expect, test } from "vitest";
import { containerLog } from "./container-log.ts";
import type { EntryMark } from "./log-place.ts";
import type { LogAnswer, ServerLine } from "./server-line.ts";
import { SILENT } from "./watcher-fixture.ts";
import { watcherMetrics } from "./watcher-metrics.ts";

/** Each is the answer to one read: chunks, and whether it breaks after them. */
interface Answer {
  readonly status?: number;
  readonly chunks?: readonly string[];
  readonly isCut?: boolean;
}

interface Piece {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly isRestLost: boolean;
  readonly isBehindGap: boolean;
  readonly last: EntryMark | null;
}

/** As the API server tells what a node has refused, and what it has not found itself. */
const refusal = (status: number, kind: string, message: string): Answer => ({
  status,
  chunks: [JSON.stringify({ message, details: { kind } })],
});
const GONE = refusal(404, "pods", 'pods "a-1" not found');

/** Whatever it is told, it has stored only this much. */
type Forgets = (piece: Piece, told: number) => number | null;

interface Given {
  /** What another watcher told before, of a log whose beginning is gone since. */
  readonly before?: { readonly text: string; readonly last?: EntryMark };
  readonly tailBytes?: number;
  readonly forgets?: Forgets;
  /** By how often it was read, and the time since the beginning. */
  readonly hasEnded?: (reads: number, sinceMs: number) => boolean;
  /** What the server says of whatever it is told. */
  readonly answer?: LogAnswer;
}

function logOf(answers: readonly Answer[], { tailBytes = 1_000, forgets = () => null, hasEnded = () => true, before, answer }: Given = {}) {
  const clock = fakeClock();
  const began = clock.monotonic();
  const left = [...answers];
  const stored: Uint8Array[] = before === undefined ? [] : [Buffer.from(before.text)];
  const pieces: (Omit<Piece, "bytes"> & { readonly text: string })[] = [];
  /** From when on it was asked for, and whether it was followed, each time. */
  const since: unknown[] = [];
  const followed: boolean[] = [];
  const warnings: unknown[] = [];
  let news = 0;
  const client = {
    stream: async (_: string, __: string, { query }: ClusterCall) => {
      since.push(query?.["sinceTime"] ?? null);
      followed.push(query?.["follow"] === true);
      const { status = 200, chunks = [], isCut = false } = left.shift() ?? GONE;
      const stream = Readable.from(
        (async function* () {
          for (const chunk of chunks) yield Buffer.from(chunk);
          if (isCut) throw new Error("the connection broke");
        })(),
      );
      return Object.assign(stream, { statusCode: status });
    },
  } as unknown as ClusterClient;
  const line = {
    tellLog: async (piece: Piece) => {
      const { offset, bytes, isRestLost, isBehindGap, last } = piece;
      pieces.push({ offset, isRestLost, isBehindGap, last, text: Buffer.from(bytes).toString() });
      if (answer !== undefined) return { is: "answered", answer };
      if (before !== undefined && offset === 0)
        return { is: "answered", answer: { status: "moved", next: before.text.length, last: before.last } };
      const less = forgets(piece, pieces.length);
      if (less !== null) return { is: "answered", answer: { status: "gap", next: less } };
      stored.push(Uint8Array.from(bytes));
      return { is: "answered", answer: { status: "stored", next: offset + bytes.length } };
    },
  } as unknown as ServerLine;
  const logger = { ...SILENT, warn: (what: string, about?: object) => void warnings.push({ what, ...about }) };
  const machine = { clock, random: seededRandom(1), logger, metrics: watcherMetrics(), signal: new AbortController().signal };
  const log = containerLog(
    {
      ...{ id: "job_a", attempt: 1, jobName: "a", jobUid: "uid-1", container: undefined },
      ...{ namespace: "n", pod: "a-1", containerName: "main", isPrevious: false, tailBytes },
      hasEnded: () => hasEnded(answers.length - left.length, clock.monotonic() - began),
      onRead: () => void news++,
    },
    { client, line, machine, room: { bytes: 0 }, turn: async () => () => {} },
  );
  const text = (): string => Buffer.concat(stored).toString();
  return { log, clock, text, pieces, since, followed, warnings, machine, news: () => news };
}

const entry = (second: number, text: string): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}Z ${text}\n`;
const [ONE, TWO, THREE] = [entry(1, "one"), entry(2, "two"), entry(3, "three")];
const tailOf = (log: ReturnType<typeof containerLog>): string => Buffer.from(log.tail().bytes).toString();

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

/** Its container has ended when the first stream has. */
const early: Given = { hasEnded: (reads) => reads > 0 };

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

const BUSY = "unable to retrieve container logs for containerd://0123";
const LOST = "the server could not find the requested resource ( pods/log a-1)";

test.each([
  ["is refused with words of the node", { status: 400, chunks: [BUSY] }],
  ["is refused as the API server tells it", refusal(400, "", BUSY)],
  ["is not known by a node that was started anew", refusal(404, "pods/log", LOST)],
  ["is not known by a proxy", { status: 404, chunks: ["404 page not found"] }],
  ["shows words of the node in its place", { chunks: [BUSY] }],
  ["shows words of the node in its place, with an end", { chunks: [`${BUSY}\n`] }],
  ["shows one word of the node", { chunks: ["EOF"] }],
  ["shows words of the node behind some of its lines", { chunks: [ONE, BUSY] }],
  ["is empty", { chunks: [] }],
  ["cannot be had from its node", { status: 500, chunks: [BUSY] }],
])("a log that %s after its container has ended is read a moment later", async (_, answer: Answer) => {
  const { log, clock, text, warnings } = logOf([answer, answer, answer, { chunks: [ONE, TWO] }].slice(answer.chunks?.length === 0 ? 2 : 0));
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\ntwo\n");
  expect(log.tail().isWhole).toBe(true);
  expect(warnings).toEqual([]);
});

test.each([
  ["is refused", refusal(400, "", BUSY), BUSY],
  ["is not known by its node", refusal(404, "pods/log", LOST), LOST],
  ["shows words of the node", { chunks: [BUSY] }, BUSY],
  ["is refused by a proxy without a word", { status: 400 }, "HTTP 400"],
])("a log that %s for a minute is given up, with a warning of why, and is not whole", async (_, answer: Answer, why) => {
  const { log, clock, warnings, followed } = logOf(Array.from({ length: 100 }, () => answer));
  await clock.advance(59_000);
  expect(log.isReading()).toBe(true);
  await clock.until(() => !log.isReading(), 31_000);
  await log.done;
  expect(warnings).toEqual([{ what: "a log cannot be read; it is given up", job: "job_a", pod: "a-1", container: "main", why }]);
  expect(log.tail().isWhole).toBe(false);
  // A node that cannot follow one more log is asked for what is there. And it is not asked all the time.
  expect(followed.slice(0, 2)).toEqual([true, false]);
  expect(followed.length).toBeLessThan(12);
});

test("a log of which the API server has no pod is gone at once", async () => {
  const { log, clock, warnings } = logOf([GONE, { chunks: [ONE] }]);
  await clock.advance(0);
  await log.done;
  expect(warnings).toMatchObject([{ what: "a log was gone before it could be read" }]);
});

test("a container that has not begun is waited for, whatever its node says meanwhile", async () => {
  const waiting = refusal(400, "", 'container "main" in pod "a-1" is waiting to start: ContainerCreating');
  const { log, clock, text, warnings } = logOf(
    [...Array.from({ length: 8 }, () => waiting), refusal(404, "pods/log", LOST), { chunks: [ONE] }],
    {
      hasEnded: (reads) => reads > 9,
    },
  );
  await clock.until(() => !log.isReading(), 600_000);
  await clock.advance(60_000);
  await log.done;
  expect([text(), warnings]).toEqual(["one\n", []]);
});

test("that a log is empty is believed of the second look, and soon", async () => {
  const silent = logOf([{}, {}, { chunks: [ONE] }]);
  await silent.clock.until(() => !silent.log.isReading(), 1_000);
  const watched = logOf([{}, {}, { chunks: [ONE] }], early);
  await watched.clock.until(() => !watched.log.isReading(), 0);
  for (const { log, since, text } of [silent, watched]) {
    await log.done;
    expect([log.tail().isWhole, since, text()]).toEqual([true, [null, null], ""]);
  }
});

test.each([
  ["showed words of the node", [{ chunks: [BUSY] }, {}, { chunks: [ONE] }], 0],
  ["was over long before the container ended", [{}, {}, { chunks: [ONE] }], 3_050],
])("that a log is empty is not believed of one look behind another that %s", async (_, answers: readonly Answer[], endsAfterMs) => {
  const { log, clock, text } = logOf(answers, { hasEnded: (_reads, now) => now >= endsAfterMs });
  await clock.until(() => !log.isReading(), 120_000);
  await clock.advance(60_000);
  await log.done;
  expect([text(), log.tail().isWhole]).toEqual(["one\n", true]);
});

test("the minute of doubt begins anew behind a look that says something else", async () => {
  const { log, clock, text, warnings } = logOf([
    refusal(400, "", BUSY),
    ...Array.from({ length: 8 }, () => ({ status: 500 })),
    refusal(404, "pods/log", LOST),
    { chunks: [ONE] },
  ]);
  await clock.until(() => !log.isReading(), 600_000);
  await clock.advance(60_000);
  await log.done;
  expect([text(), warnings]).toEqual(["one\n", []]);
});

test("of a log that is empty all at once, where it was not, what was read is whole only after a second look", async () => {
  const { log, clock, text, since } = logOf([{ chunks: [ONE] }, {}, {}, { chunks: [ONE, TWO] }], early);
  await clock.until(() => !log.isReading(), 60_000);
  await clock.advance(60_000);
  await log.done;
  expect(text()).toBe("one\ntwo\n");
  expect(since).toEqual([null, "2026-01-01T00:00:01.000Z", null, null]);
});

test("a log that its server does not want is said to be so, once", async () => {
  const said: unknown[] = [];
  const { log, clock, machine } = logOf([{ chunks: [ONE] }], { answer: { status: "accepted_stale", reason: "log_removed" } });
  machine.logger.info = (what: string, about?: object) => void said.push({ what, ...about });
  await clock.advance(60_000);
  await log.done;
  expect(said).toEqual([{ what: "the server does not want a log", job: "job_a", attempt: 1, why: "log_removed" }]);
});
