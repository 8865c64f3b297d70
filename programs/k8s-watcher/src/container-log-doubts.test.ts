/** What is believed of a log whose node is busy, silent, or says something else in its place. */
import { expect, test } from "vitest";
import { early, GONE, logOf, ONE, refusal, TWO, type Answer } from "./container-log-fixture.ts";

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

const stalled = (answer: Answer): Answer => ({ ...answer, isStalled: true });

test.each([
  ["whose refusal does not end", [stalled({ status: 400, chunks: [BUSY] })]],
  ["whose refusal says nothing", [stalled({ status: 500 })]],
  ["of which a look stalls that does not follow it", [{ status: 400 }, stalled({ chunks: [ONE] })]],
  ["of which a look stalls that follows it", [stalled({ chunks: [ONE] })]],
  ["of which a look stalls before its first line", [stalled({})]],
  ["that is not answered", [{ isUnanswered: true }]],
  ["whose refusal is long", [{ status: 400, chunks: ["x".repeat(200_000)] }]],
])("a log %s is read half a minute later", async (_, answers: readonly Answer[]) => {
  const { log, clock, text, warnings } = logOf([...answers, { chunks: [ONE, TWO] }]);
  await clock.until(() => !log.isReading(), 40_000);
  await clock.advance(1_000);
  await log.done;
  expect([text(), log.tail().isWhole, warnings]).toEqual(["one\ntwo\n", true, []]);
});

test.each([
  ["refusals are long", { status: 400, chunks: ["x".repeat(200_000)] }, "x".repeat(500)],
  ["looks stall", stalled({}), "nothing came for 30 s"],
  ["looks are not answered", { isUnanswered: true }, "nothing came for 30 s"],
])("a log whose %s is given up after a minute", async (_, answer: Answer, why) => {
  const { log, clock, warnings } = logOf(Array.from({ length: 100 }, () => answer));
  await clock.until(() => !log.isReading(), 130_000);
  await log.done;
  expect(warnings).toMatchObject([{ what: "a log cannot be read; it is given up", why }]);
});

test.each([
  ["was read in part", [{ chunks: [ONE], isCut: true }], ["one\n", ""]],
  ["was never read", [], [""]],
])("that a log which %s is given up is told as the last that is told of it, once", async (_, first: readonly Answer[], texts) => {
  const { log, clock, pieces } = logOf([...first, ...Array.from({ length: 100 }, () => refusal(400, "", BUSY))]);
  await clock.until(() => !log.isReading(), 100_000);
  await clock.advance(1_000);
  await log.done;
  expect(pieces.map(({ text, isBehindGap }) => [text, isBehindGap])).toEqual(texts.map((text) => [text, text === ""]));
  expect(pieces.at(-1)).toMatchObject({ offset: texts.join("").length });
});

test("what waited when a log was given up comes before the word that its rest is missing", async () => {
  const { log, clock, pieces } = logOf([{ chunks: [ONE, BUSY] }, ...Array.from({ length: 100 }, () => ({ chunks: [ONE, TWO, BUSY] }))], {
    forgets: ({ bytes }, told) => (told < 10 && bytes.length > 0 ? 0 : null),
  });
  await clock.until(() => !log.isReading(), 100_000);
  await clock.advance(200_000);
  await log.done;
  expect(pieces.slice(-2)).toMatchObject([{ isBehindGap: false }, { text: "", offset: 8, isBehindGap: true }]);
});

test("a log that is followed may be silent for hours", async () => {
  const { log, clock } = logOf([stalled({ chunks: [ONE] })], { hasEnded: () => false });
  await clock.advance(7_200_000);
  expect([log.isReading(), log.tail().isWhole]).toEqual([true, false]);
});

test.each([
  ["in the middle", stalled({ chunks: [ONE] })],
  ["before its answer", { isUnanswered: true }],
])("a log that is followed, and stalls %s when its container ends, is read within a minute of that", async (_, answer: Answer) => {
  const endsAfterMs = 7_205_000;
  const { log, clock, text, followed } = logOf([answer, { chunks: [ONE, TWO] }], { hasEnded: (_reads, now) => now >= endsAfterMs });
  // What the node says of the end is on its way for a while.
  await clock.advance(endsAfterMs + 29_000);
  expect(followed).toEqual([true]);
  await clock.until(() => !log.isReading(), 36_000);
  await clock.advance(1_000);
  await log.done;
  expect([text(), log.tail().isWhole, followed]).toEqual(["one\ntwo\n", true, [true, false]]);
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
