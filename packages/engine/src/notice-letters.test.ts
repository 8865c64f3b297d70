import { randomBytes } from "node:crypto";
import { NOTICE_FAULTS, WindlassError, type NoticeFault } from "@windlass/kernel";
import type { Notices } from "@windlass/ports";
import { memoryNotices, noticesMemory, type NoticesMemory } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { engineFixture, groupKind, type EngineFixture } from "./engine-fixture.ts";
import { noticeSignatures } from "./notice-signatures.ts";
import type { NoticeLetters } from "./notice-letters.ts";

const KEY = randomBytes(32).toString("base64");
const signatures = noticeSignatures({ mode: "enforce", keys: { place: "KEYS", read: () => KEY }, replayMs: 60_000 });
const LIMIT_MS = 600_000;
const BODY = JSON.stringify({
  version: 1,
  type: "execution",
  workflow_id: "nightly",
  nominal_time: "2026-01-01T09:00:00Z",
  trigger_type: "event",
  sent_at: "2026-01-01T09:00:00Z",
});
const OF_ACME = BODY.replace('"nightly"', '"acme/report"');

let fixture: EngineFixture & { readonly memory: NoticesMemory; readonly letters: NoticeLetters };
afterEach(() => fixture.close());

/** The engine is not started: what is sent again lies there. */
async function open(bodies: readonly string[], reason: NoticeFault = "signature"): Promise<void> {
  const memory = noticesMemory();
  const made = await engineFixture({
    kinds: [groupKind],
    notices: {
      open: async (): Promise<Notices> => memoryNotices(memory, { clock: made.clock }),
      signatures,
      executionOf: async ({ workflow_id: name }) => ({ kind: "workflow", name, spec: { waitMs: 1 }, executor: "none" }),
    },
  });
  const queue = memoryNotices(memory, { clock: made.clock });
  await queue.send(bodies.map((body, i) => ({ id: `n-${i}`, body, attributes: { signature: "old", workflow_id: "x" } })));
  for (const one of await queue.receive({ max: 10, waitMs: 0 })) await queue.deadLetter(one, { reason, message: "no" });
  const letters = made.engine.deadNotices;
  if (letters === null) throw new Error("there is a queue");
  fixture = { ...made, memory, letters };
}

const all = { workspace: "default", limit: 100 };
const gate = (): void => {};

test("a letter is listed in the workspace that its notice names, and one that cannot be read in default", async () => {
  await open([BODY, "{", OF_ACME]);
  const { letters } = fixture;
  expect((await letters.list(all)).map(({ id, name }) => [id, name])).toEqual([
    ["n-0", "nightly"],
    ["n-1", ""],
  ]);
  expect((await letters.list({ ...all, workspace: "acme" })).map(({ name }) => name)).toEqual(["report"]);
  expect(await letters.list({ ...all, reason: "schema" })).toEqual([]);
  expect((await letters.list({ ...all, name: "nightly" })).map(({ id }) => id)).toEqual(["n-0"]);
});

test.each(Object.keys(NOTICE_FAULTS) as NoticeFault[])(
  "a letter that died of %s is redriven, signed anew, and followed",
  async (reason) => {
    await open([BODY], reason);
    const { letters, memory, engine, clock, store } = fixture;
    expect((await letters.redrive({ ...all, reason }, gate)).map(({ id }) => id)).toEqual(["n-0"]);
    expect([memory.dead, memory.waiting.map(({ attributes }) => attributes["signature"] === "old")]).toEqual([[], [false]]);
    await engine.start();
    await clock.until(() => memory.waiting.length === 0, LIMIT_MS);
    expect(memory.dead).toEqual([]);
    expect((await store.reads.list({ workspace: "default", limit: 9 })).map(({ record }) => record.name)).toEqual(["nightly"]);
  },
);

test("a letter that was not signed well is only redriven by who names it, or its reason", async () => {
  await open([BODY]);
  const { letters, memory } = fixture;
  for (const filter of [all, { ...all, name: "nightly" }]) expect(await letters.redrive(filter, gate)).toEqual([]);
  expect(memory.dead).toHaveLength(1);
  const [letter] = await letters.list(all);
  expect(await letters.redrive({ ...all, ids: [letter?.listId ?? ""] }, gate)).toHaveLength(1);
});

test("a letter that breaks the rules of notices is shown in the workspace that it names", async () => {
  await open([OF_ACME.replace('"version":1', '"version":2')], "schema");
  const { letters } = fixture;
  expect(await letters.list(all)).toEqual([]);
  expect(await letters.list({ ...all, workspace: "acme" })).toMatchObject([{ notice: null, name: "" }]);
});

test("who may not run what it asks for sends nothing again", async () => {
  await open([BODY], "unknown_workflow");
  const refuse = (): never => {
    throw new WindlassError("forbidden", "no");
  };
  await expect(fixture.letters.redrive(all, refuse)).rejects.toMatchObject({ code: "forbidden" });
  expect([fixture.memory.waiting.length, fixture.memory.dead.length]).toEqual([0, 1]);
});

test("what is struck off is counted first, and only what is meant", async () => {
  await open([BODY, OF_ACME, "{"]);
  const { letters, memory } = fixture;
  expect(await letters.purge(all, true)).toEqual({ matched: 2, removed: 0 });
  const [first] = await letters.list({ ...all, limit: 1 });
  expect(await letters.purge({ ...all, ids: [first?.listId ?? ""] }, false)).toEqual({ matched: 1, removed: 1 });
  expect(memory.dead.map(({ id }) => id)).toEqual(["n-1", "n-2"]);
});

test("a letter is found by its id behind more than are looked through", async () => {
  await open([BODY]);
  const { letters, memory } = fixture;
  const [first] = memory.dead.splice(0);
  if (first === undefined) throw new Error("one died");
  for (let n = 1; n <= 10_100; n++) memory.dead.push({ ...first, letterId: String(n), id: `n-${n}` });
  expect(await letters.list({ ...all, ids: ["notice_10050", "notice_7", "notice_0", "job_1"] })).toMatchObject([
    { id: "n-7" },
    { id: "n-10050" },
  ]);
  expect(await letters.list({ ...all, workspace: "acme", ids: ["notice_10050"] })).toEqual([]);
  expect(await letters.purge({ ...all, ids: ["notice_10050"] }, false)).toEqual({ matched: 1, removed: 1 });
});

test("a look that was cut short tells where it goes on", async () => {
  await open([BODY]);
  const { letters, memory } = fixture;
  const [first] = memory.dead.splice(0);
  if (first === undefined) throw new Error("one died");
  const body = (n: number): string => (n === 10_050 ? OF_ACME : BODY);
  for (let n = 1; n <= 10_100; n++) memory.dead.push({ ...first, letterId: String(n), id: `n-${n}`, body: body(n) });
  const page = await letters.page({ ...all, workspace: "acme" });
  expect(page).toEqual({ letters: [], cutAt: "notice_10000" });
  const next = await letters.page({ ...all, workspace: "acme", after: page.cutAt ?? "" });
  expect([next.letters.map(({ id }) => id), next.cutAt]).toEqual([["n-10050"], null]);
});
