/** Contract of `Notices`: what becomes of notices that could not be handled. */
import { NOTICE_BYTES_MAX } from "@windlass/kernel";
import { LOOK_BYTES_MAX, type DeadNotice, type Notices, type Redrive } from "@windlass/ports";
import { expect, test } from "vitest";
import {
  ATTEMPTS_MAX,
  deadOf,
  figures,
  idsOf,
  notice,
  PATIENCE,
  receiveOne,
  receiveUntil,
  sendAll,
  SHORT_MS,
  type Connect,
} from "./notices-cases.ts";

export function deadCases(connect: Connect): void {
  test("one that kills whoever receives it dies, and the others go on", async () => {
    const queue = await connect(SHORT_MS);
    await sendAll(queue, [notice("poison")]);
    for (let i = 0; i < ATTEMPTS_MAX; i++) expect(await receiveOne(queue)).toMatchObject({ id: "poison", attempts: i + 1 });
    await sendAll(queue, [notice("good")]);
    await queue.acknowledge([await receiveOne(queue)]);
    // It is moved by the next one who would have received it.
    await expect
      .poll(async () => {
        await queue.acknowledge(await queue.receive({ max: 1, waitMs: SHORT_MS }));
        return (await queue.dead.look({ limit: 10 })).letters.map(({ id, reason }) => `${id} ${reason}`);
      }, PATIENCE)
      .toEqual(["poison attempts_exhausted"]);
  });

  test("a dead letter tells why, is listed in pages, shown, and removed", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("a", "{"), notice("b"), notice("c")]);
    for (const one of (await receiveUntil(queue, 3)).toSorted((x, y) => (x.id < y.id ? -1 : 1)))
      await queue.deadLetter(one, { reason: "malformed", message: `because\nof ${one.id} → ü` });
    await figures(queue, { waiting: 0, received: 0, dead: 3 });
    const letters = await deadOf(queue, 3);
    expect(idsOf(letters)).toEqual(["a", "b", "c"]);
    const a = letters.find(({ id }) => id === "a") as DeadNotice;
    expect(a).toMatchObject({
      body: "{",
      attributes: notice("a").attributes,
      reason: "malformed",
      message: "because of a → ü",
      attempts: 1,
    });
    expect(a.diedAt).toBeGreaterThanOrEqual(a.firstAt);
    const named = (...letterIds: string[]) => queue.dead.look({ limit: 10, letterIds: new Set(letterIds) });
    expect(await named(a.letterId, "none")).toEqual({ letters: [a], next: null, unseen: null });
    const first = await queue.dead.look({ limit: 1 });
    const rest = await queue.dead.look({ limit: 10, after: first.next ?? "" });
    expect([first.next === null, rest.next]).toEqual([false, null]);
    expect([...first.letters, ...rest.letters].map(({ letterId }) => letterId)).toEqual(letters.map(({ letterId }) => letterId));
    expect(idsOf((await queue.dead.look({ limit: 10, fits: ({ id }) => id !== "b" })).letters)).toEqual(["a", "c"]);
    expect(await queue.dead.remove([a.letterId, "none"])).toEqual({ removed: 1, fault: null });
    expect(await queue.dead.remove([a.letterId])).toEqual({ removed: 0, fault: null });
    expect((await named(a.letterId)).letters).toEqual([]);
    expect(idsOf(await deadOf(queue, 2))).toEqual(["b", "c"]);
  });

  test("what is redriven is a new notice under its id, with the attributes that are given, and dies again if it must", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("a"), notice("b")]);
    for (const one of await receiveUntil(queue, 2)) await queue.deadLetter(one, { reason: "schema", message: "no" });
    const letters = await deadOf(queue, 2);
    const [a, b] = ["a", "b"].map((wanted) => letters.find(({ id }) => id === wanted)?.letterId ?? "") as [string, string];
    const signature = { attributes: { signature: "new" } };
    expect([await redriven(queue, a, signature), await redriven(queue, a), await redriven(queue, "none")]).toEqual([true, false, false]);
    const again = await receiveOne(queue);
    expect(again).toMatchObject({ id: "a", body: notice("a").body, ...signature, attempts: 1, redrives: 1 });
    await queue.deadLetter(again, { reason: "unknown_workflow", message: "still" });
    expect(await redriven(queue, b)).toBe(true);
    expect(await receiveOne(queue)).toMatchObject({ id: "b", attributes: notice("b").attributes });
    const [letter] = await deadOf(queue, 1);
    expect(letter).toMatchObject({ id: "a", reason: "unknown_workflow", message: "still", redrives: 1 });
    expect(letter?.firstAt).toBe(letters.find(({ id }) => id === "a")?.firstAt);
  });

  test("how often it was redriven goes with it, also where it is given back and dies of being received too often", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("a")]);
    await queue.deadLetter(await receiveOne(queue), { reason: "schema", message: "no" });
    for (let times = 1; times <= 2; times++) {
      const [dead] = await deadOf(queue, 1);
      expect(await redriven(queue, dead?.letterId ?? "")).toBe(true);
      await queue.retry(await receiveOne(queue), { delayMs: 0, counts: false });
      for (let i = 0; i < ATTEMPTS_MAX; i++) await queue.retry(await receiveOne(queue), { delayMs: 0, counts: true });
      expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
      expect(await deadOf(queue, 1)).toMatchObject([{ id: "a", reason: "attempts_exhausted", redrives: times }]);
    }
  });

  test("many are redriven in one call, each when its time has come", async () => {
    const queue = await connect();
    const batch = Array.from({ length: 12 }, (_, i) => notice(`n-${i}`));
    await sendAll(queue, batch);
    for (const one of await receiveUntil(queue, 12)) await queue.deadLetter(one, { reason: "schema", message: "no" });
    const letters = await deadOf(queue, 12);
    const wanted = letters.slice(0, 11).map(({ letterId }) => letterId);
    // The first of them later than all others: in their order it would be received before them.
    const delayMs = 4 * SHORT_MS;
    const how = ({ letterId }: DeadNotice): Redrive => (letterId === wanted[0] ? { delayMs } : {});
    const began = performance.now();
    const { sent, refused, fault } = await queue.dead.redrive([...wanted, "none"], how);
    expect([sent.toSorted(), refused, fault]).toEqual([wanted.toSorted(), [], null]);
    const first = await receiveUntil(queue, 10);
    const isOnTime = performance.now() - began < delayMs;
    const last = await receiveOne(queue);
    expect(idsOf([...first, last])).toEqual(idsOf(letters.slice(0, 11)));
    // By a machine that was too busy to look before its time had come it is not seen which of them waited for it.
    if (isOnTime) expect(last.id).toBe(letters[0]?.id);
    expect(idsOf(await deadOf(queue, 1))).toEqual([letters[11]?.id]);
  });

  test("one that is refused by itself is named with why, and holds up none of the others", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("a"), notice("b"), notice("c")]);
    for (const one of await receiveUntil(queue, 3)) await queue.deadLetter(one, { reason: "schema", message: "no" });
    const letters = await deadOf(queue, 3);
    const wanted = letters.map(({ letterId }) => letterId);
    const how = ({ letterId }: DeadNotice): Redrive => {
      if (letterId === wanted[0]) throw new Error("not that one");
      return {};
    };
    const { sent, refused, fault } = await queue.dead.redrive(wanted, how);
    expect([sent.toSorted(), fault]).toEqual([wanted.slice(1).toSorted(), null]);
    expect(refused).toEqual([{ letterId: wanted[0], why: "not that one" }]);
    expect(idsOf(await receiveUntil(queue, 2))).toEqual(idsOf(letters.slice(1)));
    expect(idsOf(await deadOf(queue, 1))).toEqual([letters[0]?.id]);
  });

  test("what is too large to be held at once is shown in pages, and none is missed", async () => {
    const queue = await connect();
    const body = "x".repeat(NOTICE_BYTES_MAX);
    const count = Math.ceil(LOOK_BYTES_MAX / NOTICE_BYTES_MAX) + 5;
    await sendAll(
      queue,
      Array.from({ length: count }, (_, i) => notice(`n-${i}`, body)),
    );
    for (const one of await receiveUntil(queue, count)) await queue.deadLetter(one, { reason: "schema", message: "no" });
    await figures(queue, { dead: count });
    const first = await queue.dead.look({ limit: 100 });
    expect(first.letters.length).toBeLessThan(count);
    const rest = await queue.dead.look({ limit: 100, after: first.next ?? "" });
    expect([first.letters.length + rest.letters.length, rest.next]).toEqual([count, null]);
    // What does not fit costs no place.
    expect((await queue.dead.look({ limit: 100, fits: () => false })).next).toBeNull();
  });
}

/** Whether each was sent again. */
async function redriven(queue: Notices, letterId: string, how: Redrive = {}): Promise<boolean> {
  const { sent, fault } = await queue.dead.redrive([letterId], () => how);
  expect(fault).toBeNull();
  return sent.includes(letterId);
}
