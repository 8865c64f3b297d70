import { randomBytes } from "node:crypto";
import { NOTICE_FAULTS, WindlassError, type NoticeFault } from "@windlass/kernel";
import type { DeadNotice, Notices, OutgoingNotice } from "@windlass/ports";
import { memoryNotices, noticesMemory, type NoticesMemory } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { engineFixture, groupKind, type EngineFixture } from "./engine-fixture.ts";
import { noticeSignatures } from "./notice-signatures.ts";
import type { NoticeLetter, NoticeLetterFilter } from "./notice-letter.ts";
import type { NoticeLetters } from "./notice-letters.ts";
import type { RedriveRequest } from "./notice-redrive.ts";

const KEY = randomBytes(32).toString("base64");
let isKeyThere = true;
/** The key is away when it is asked for so many times from now; 0: never. */
let failsAt = 0;
const read = (): string => {
  if (!isKeyThere || (failsAt > 0 && --failsAt === 0)) throw new Error("there is no key");
  return KEY;
};
const signatures = noticeSignatures({ mode: "enforce", keys: { place: "KEYS", read }, replayMs: 60_000 });
const LIMIT_MS = 600_000;
const BODY = JSON.stringify({
  version: 1,
  type: "execution",
  workflow_id: "nightly",
  nominal_time: "2026-01-01T09:00:00Z",
  trigger_type: "event",
  sent_at: "2026-01-01T09:00:00Z",
});
/** By who has the key, and too long ago to be taken now. */
const signedOld = <One extends OutgoingNotice>(notice: One, now: number): One => ({
  ...notice,
  attributes: signatures.sign(notice, { queue: "memory", now: now - 3_600_000 }),
});
const OF_ACME = BODY.replace('"nightly"', '"acme/report"');

let fixture: EngineFixture & { readonly memory: NoticesMemory; readonly letters: NoticeLetters };
afterEach(() => fixture.close());

/** The engine is not started: what is sent again lies there. */
async function open(bodies: readonly string[], reason: NoticeFault = "signature"): Promise<void> {
  isKeyThere = true;
  failsAt = 0;
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
  await queue.send(bodies.map((body, i) => signedOld({ id: `n-${i}`, body, attributes: { workflow_id: "x" } }, made.clock.now())));
  for (const one of await queue.receive({ max: 10, waitMs: 0 })) await queue.deadLetter(one, { reason, message: "no" });
  const letters = made.engine.deadNotices;
  if (letters === null) throw new Error("there is a queue");
  fixture = { ...made, memory, letters };
}

const all = { workspace: "default", limit: 100 };
const gate = (): void => {};
const asked = { gate, perSecond: null, delayMs: 0 };

const listed = async (filter: NoticeLetterFilter): Promise<readonly NoticeLetter[]> => (await fixture.letters.page(filter)).letters;

async function redriven(filter: NoticeLetterFilter, request: Partial<RedriveRequest> = {}) {
  const chosen = await fixture.letters.chooseRedrive(filter, { ...asked, ...request });
  return { ...chosen, ...(await chosen.send()) };
}

/** So many letters that died in this order, as `change` makes them of the first. */
function fill(count: number, change: (n: number) => Partial<DeadNotice> = () => ({})): void {
  const [first] = fixture.memory.dead.splice(0);
  if (first === undefined) throw new Error("one died");
  for (let n = 1; n <= count; n++) {
    const changed = { ...first, letterId: String(n), id: `n-${n}`, ...change(n) };
    fixture.memory.dead.push(signedOld(changed, fixture.clock.now()));
  }
}

test("a letter is listed in the workspace that its notice names, and one that cannot be read in default", async () => {
  await open([BODY, "{", OF_ACME]);
  expect((await listed(all)).map(({ id, name }) => [id, name])).toEqual([
    ["n-0", "nightly"],
    ["n-1", ""],
  ]);
  expect((await listed({ ...all, workspace: "acme" })).map(({ name }) => name)).toEqual(["report"]);
  expect(await listed({ ...all, reason: "schema" })).toEqual([]);
  expect((await listed({ ...all, name: "nightly" })).map(({ id }) => id)).toEqual(["n-0"]);
});

test.each(Object.keys(NOTICE_FAULTS) as NoticeFault[])(
  "a letter that died of %s is redriven, signed anew, and followed",
  async (reason) => {
    await open([BODY], reason);
    const { memory, engine, clock, store } = fixture;
    expect(await redriven({ ...all, reason })).toMatchObject({ items: [{ execution: null }], left: [], more: false, fault: null });
    const at = { queue: "memory", now: clock.now() };
    expect([memory.dead, memory.waiting.map((one) => signatures.fault(one, at))]).toEqual([[], [null]]);
    await engine.start();
    await clock.until(() => memory.waiting.length === 0, LIMIT_MS);
    expect(memory.dead).toEqual([]);
    expect((await store.reads.list({ workspace: "default", limit: 9 })).map(({ record }) => record.name)).toEqual(["nightly"]);
  },
);

test("a letter that was not signed well is only redriven by who names it, or its reason; whoever redrives many is told of it", async () => {
  await open([BODY]);
  const { memory } = fixture;
  const [letter] = await listed(all);
  for (const filter of [all, { ...all, name: "nightly" }])
    expect(await redriven(filter)).toMatchObject({ items: [], left: [{ reason: "signature", count: 1, ids: [letter?.listId] }] });
  expect(memory.dead).toHaveLength(1);
  expect((await redriven({ ...all, ids: [letter?.listId ?? ""] })).items).toHaveLength(1);
});

test.each(["attempts_exhausted", "refused"] as const)(
  "what nobody signed is not signed along with all others because its letter says %s: anybody can have it say so",
  async (reason) => {
    await open([BODY, BODY, BODY, BODY], reason);
    const { memory } = fixture;
    const [unsigned, changed, elsewhere, good] = memory.dead.splice(0) as [DeadNotice, DeadNotice, DeadNotice, DeadNotice];
    const other = signatures.sign(elsewhere, { queue: "another", now: fixture.clock.now() });
    memory.dead.push({ ...unsigned, attributes: {} }, { ...changed, id: "n-9" }, { ...elsewhere, attributes: other }, good);
    const listIds = memory.dead.map(({ letterId }) => `notice_${letterId}`);
    for (const filter of [{ ...all, name: "nightly" }, { ...all, reason }, all]) {
      const { left } = await fixture.letters.chooseRedrive(filter, asked);
      expect(left).toEqual([{ reason, count: 3, ids: listIds.slice(0, 3), why: expect.stringContaining("signature is missing or wrong") }]);
    }
    expect((await redriven(all)).items.map(({ listId }) => listId)).toEqual(listIds.slice(3));
    expect(memory.waiting.map(({ id }) => id)).toEqual(["n-3"]);
    expect((await redriven({ ...all, ids: listIds.slice(0, 3) })).items).toHaveLength(3);
  },
);

test("one whose body is no notice is left whatever was asked, and told; the others are sent", async () => {
  await open([BODY, "{", "[]"], "malformed");
  const { memory } = fixture;
  const ids = (await listed(all)).map(({ listId }) => listId);
  const { items, left, foundIds } = await redriven({ ...all, ids });
  expect([items.map(({ listId }) => listId), [...foundIds].toSorted()]).toEqual([[ids[0]], ids.toSorted()]);
  expect(left).toMatchObject([{ reason: "malformed", count: 2, ids: ids.slice(1), why: expect.stringContaining("strike it off") }]);
  expect(memory.dead.map(({ id }) => id)).toEqual(["n-1", "n-2"]);
});

test("one that dies again says how often it was sent, and when it was first seen", async () => {
  await open([BODY], "attempts_exhausted");
  const { memory, clock } = fixture;
  const queue = memoryNotices(memory, { clock });
  const firstAt = memory.dead[0]?.firstAt;
  for (let times = 1; times <= 2; times++) {
    await clock.advance(1_000);
    await redriven(all);
    const [one] = await queue.receive({ max: 1, waitMs: 0 });
    if (one === undefined) throw new Error("it was sent again");
    expect(one).toMatchObject({ attempts: 1, redrives: times });
    await queue.deadLetter(one, { reason: "attempts_exhausted", message: "still" });
    expect(await listed(all)).toMatchObject([{ redrives: times, firstAt }]);
  }
});

test("a letter that breaks the rules of notices is shown in the workspace that it names", async () => {
  await open([OF_ACME.replace('"version":1', '"version":2')], "schema");
  expect(await listed(all)).toEqual([]);
  expect(await listed({ ...all, workspace: "acme" })).toMatchObject([{ notice: null, name: "" }]);
});

test("who may not run what one of them asks for sends none of them again", async () => {
  await open([BODY, BODY, BODY], "unknown_workflow");
  let times = 0;
  const refuse = (): void => {
    if (++times === 3) throw new WindlassError("forbidden", "no");
  };
  await expect(redriven(all, { gate: refuse })).rejects.toMatchObject({ code: "forbidden" });
  expect([fixture.memory.waiting.length, fixture.memory.dead.length]).toEqual([0, 3]);
});

test("where no key can be read none is sent again", async () => {
  await open([BODY], "unknown_workflow");
  isKeyThere = false;
  await expect(redriven(all)).rejects.toThrow("no key");
  expect([fixture.memory.waiting.length, fixture.memory.dead.length]).toEqual([0, 1]);
});

test("one that cannot be signed when its turn comes is left, and told; the others are sent", async () => {
  await open([BODY, BODY, BODY], "unknown_workflow");
  const chosen = await fixture.letters.chooseRedrive(all, asked);
  failsAt = 2;
  const { items, refused, fault } = await chosen.send();
  expect([items.map(({ listId }) => listId), fault]).toEqual([[chosen.ids[0], chosen.ids[2]], null]);
  expect(refused).toEqual([{ reason: "unknown_workflow", why: "there is no key", count: 1, ids: [chosen.ids[1]] }]);
  expect(fixture.memory.dead.map(({ id }) => id)).toEqual(["n-1"]);
});

test("at a rate each is received when its turn has come, and what would come too late is told", async () => {
  await open([BODY, BODY, BODY], "unknown_workflow");
  const { memory, clock } = fixture;
  const now = clock.now();
  expect(await redriven(all, { perSecond: 2, delayMs: 1_000 })).toMatchObject({ tooLate: null, more: false });
  expect(memory.waiting.map(({ visibleAt }) => visibleAt - now)).toEqual([1_000, 1_500, 2_000]);
  await fixture.close();
  await open([BODY, BODY, BODY], "unknown_workflow");
  // Half of the time for which a signature is right: 30 s.
  const late = await redriven(all, { perSecond: 1 / 20 });
  expect([late.items.length, late.more, late.tooLate]).toEqual([2, true, expect.stringContaining("30 s")]);
  expect(await redriven(all, { perSecond: 1, delayMs: 31_000 })).toMatchObject({ items: [], more: true, tooLate: expect.any(String) });
});

test("what is struck off is counted first, and only what is meant", async () => {
  await open([BODY, OF_ACME, "{"]);
  const { letters, memory } = fixture;
  const chosen = await letters.choose(all);
  expect(chosen).toMatchObject({ more: false, unseen: null });
  expect([chosen.ids.length, memory.dead.length]).toEqual([2, 3]);
  expect(await letters.remove(chosen.ids.slice(0, 1))).toEqual({ removed: 1, fault: null });
  expect(memory.dead.map(({ id }) => id)).toEqual(["n-1", "n-2"]);
});

test("all that fit are found, however many do not, up to the limit; that there are more is told", async () => {
  await open([BODY], "unknown_workflow");
  fill(12_100, (n) => ({ body: n % 4_000 === 0 ? OF_ACME : BODY }));
  const acme = { ...all, workspace: "acme" };
  expect(await fixture.letters.choose(acme)).toMatchObject({ ids: ["notice_4000", "notice_8000", "notice_12000"], more: false });
  expect(await fixture.letters.choose({ ...acme, limit: 2 })).toMatchObject({ ids: ["notice_4000", "notice_8000"], more: true });
  expect(await fixture.letters.choose({ ...acme, limit: 3 })).toMatchObject({ more: false });
  expect((await redriven({ ...acme, limit: 2 })).items).toHaveLength(2);
  expect(await fixture.letters.choose(acme)).toMatchObject({ ids: ["notice_12000"] });
});

test("a letter is found by its id, whatever lies before it, and by nobody of another workspace", async () => {
  await open([BODY]);
  fill(10_100);
  const ids = ["notice_10050", "notice_7", "notice_0", "job_1"];
  expect((await listed({ ...all, ids })).map(({ id }) => id)).toEqual(["n-7", "n-10050"]);
  expect(await listed({ ...all, workspace: "acme", ids })).toEqual([]);
});

test("those that are left are counted once each, also where more are looked through than one look holds", async () => {
  await open([BODY], "unknown_workflow");
  const large = { input: { text: "x".repeat(200_000) } };
  fill(200, (n) => (n % 2 === 0 ? { reason: "signature" } : { body: JSON.stringify({ ...(JSON.parse(BODY) as object), ...large }) }));
  const { items, left } = await redriven({ ...all, limit: 1_000 });
  expect([items.length, left.map(({ count, ids }) => [count, ids.length])]).toEqual([100, [[100, 10]]]);
});
