/** What every driver of `Notices` must do, tried on a real broker. Nothing here sleeps: what takes time is waited for as an event. */
import { NOTICE_BYTES_MAX } from "@windlass/kernel";
import type { Notices, OutgoingNotice, ReceivedNotice } from "@windlass/ports";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  ATTEMPTS_MAX,
  deadOf,
  figures,
  idsOf,
  LONG_MS,
  MIDDLE_MS,
  notice,
  PATIENCE,
  receiveOne,
  receiveUntil,
  sendAll,
  SHORT_MS,
  WAIT_MS,
  type Connect,
} from "./notices-cases.ts";
import { deadCases } from "./notices-contract-dead.ts";

export interface NoticesSubject {
  /** One more client of the same queue, which nobody else uses and which is empty at first. */
  connect(options: { readonly visibilityMs: number; readonly attemptsMax: number }): Promise<Notices>;
  /** The broker dies and comes back with what was stored. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export function noticesContract(name: string, open: () => Promise<NoticesSubject>): void {
  describe(`${name} keeps the contract of Notices`, () => {
    let subject: NoticesSubject;
    let clients: Notices[] = [];
    beforeEach(async () => {
      subject = await open();
      clients = [];
    });
    afterEach(async () => {
      for (const client of clients) await client.close();
      await subject.close();
    });
    const connect: Connect = async (visibilityMs = LONG_MS) => {
      const client = await subject.connect({ visibilityMs, attemptsMax: ATTEMPTS_MAX });
      clients.push(client);
      return client;
    };
    sendCases(connect);
    visibilityCases(connect);
    retryCases(connect);
    deadCases(connect);
    brokerCases(connect, () => subject);
  });
}

function sendCases(connect: Connect): void {
  test("a batch of any size arrives whole, as it was sent, in whatever order", async () => {
    const queue = await connect();
    const batch = Array.from({ length: 25 }, (_, i) => notice(`n-${i}`, JSON.stringify({ i, text: "grüße → 'x'\n" })));
    await sendAll(queue, batch);
    await figures(queue, { waiting: 25, received: 0, dead: 0 });
    const received = await receiveUntil(queue, 25);
    expect(idsOf(received)).toEqual(idsOf(batch));
    for (const one of received) {
      const { body, attributes } = batch.find(({ id }) => id === one.id) as OutgoingNotice;
      expect(one).toMatchObject({ body, attributes, attempts: 1 });
      expect(Math.abs(one.firstAt - Date.now())).toBeLessThan(600_000);
    }
    await figures(queue, { waiting: 0, received: 25 });
    await queue.acknowledge(received);
    await figures(queue, { waiting: 0, received: 0, dead: 0, oldestAt: null });
    expect(await queue.receive({ max: 10, waitMs: 0 })).toEqual([]);
  });

  test("the same id twice comes once where the broker knows ids, and else each time", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("same"), notice("other")]);
    await sendAll(queue, [notice("same")]);
    const received = await receiveUntil(queue, queue.dedupesMs === null ? 3 : 2);
    expect(idsOf(received)).toEqual(queue.dedupesMs === null ? ["other", "same", "same"] : ["other", "same"]);
    expect(await queue.receive({ max: 10, waitMs: 0 })).toEqual([]);
  });

  test("a body of the largest size arrives, and a larger one is refused alone", async () => {
    const queue = await connect();
    const [largest, larger] = [notice("largest", "ä".repeat(NOTICE_BYTES_MAX / 2)), notice("larger", "x".repeat(NOTICE_BYTES_MAX + 1))];
    const sent = await queue.send([notice("before"), larger, largest, notice("after")]);
    expect(sent.map(({ fault }) => fault?.mayPass ?? "stored")).toEqual(["stored", false, "stored", "stored"]);
    const received = await receiveUntil(queue, 3);
    expect(idsOf(received)).toEqual(["after", "before", "largest"]);
    expect(received.find(({ id }) => id === "largest")?.body).toBe(largest.body);
  });

  test("nothing to send, to extend or to acknowledge is fine", async () => {
    const queue = await connect();
    expect(await queue.send([])).toEqual([]);
    await queue.extend([]);
    await queue.acknowledge([]);
    expect(await queue.dead.remove([])).toEqual({ removed: 0, fault: null });
  });
}

function visibilityCases(connect: Connect): void {
  test("who waits is told of what comes", async () => {
    const [queue, other] = [await connect(), await connect()];
    const waiting = receiveUntil(queue, 1);
    await sendAll(other, [notice("late")]);
    expect(idsOf(await waiting)).toEqual(["late"]);
  });

  test("what nobody is done with is received again, counted; what was acknowledged is not", async () => {
    const queue = await connect(MIDDLE_MS);
    await sendAll(queue, [notice("kept"), notice("done")]);
    const first = await receiveUntil(queue, 2);
    await queue.acknowledge(first.filter(({ id }) => id === "done"));
    const again = await receiveOne(queue);
    expect(again).toMatchObject({ id: "kept", attempts: 2, firstAt: first.find(({ id }) => id === "kept")?.firstAt });
    await queue.acknowledge([again]);
    await figures(queue, { waiting: 0, received: 0 });
  });

  test("what is extended stays hidden for longer than what is not", async () => {
    const queue = await connect(MIDDLE_MS);
    // A machine that was too busy to extend in time has shown nothing: then it is tried once more.
    for (let tries = 1; ; tries++) {
      await sendAll(queue, [notice(`worked-${tries}`), notice(`left-${tries}`)]);
      const first = await receiveUntil(queue, 2);
      const worked = first.filter(({ id }) => id.startsWith("worked"));
      const { comesBack, isOnTime } = await extendMeanwhile(queue, worked);
      await queue.acknowledge([...worked, ...comesBack]);
      if (isOnTime || tries === 5) {
        expect(idsOf(comesBack)).toEqual([`left-${tries}`]);
        return;
      }
      await figures(queue, { waiting: 0, received: 0 });
    }
  });

  test("two who receive share the work", async () => {
    const [one, two] = [await connect(), await connect()];
    const batch = Array.from({ length: 40 }, (_, i) => notice(`n-${i}`));
    await sendAll(one, batch);
    const got: ReceivedNotice[][] = [[], []];
    for (let round = 0; (got[0]?.length ?? 0) + (got[1]?.length ?? 0) < 40 && round < 40; round++)
      for (const [i, queue] of [one, two].entries()) {
        const some = await queue.receive({ max: 5, waitMs: 0 });
        await queue.acknowledge(some);
        got[i]?.push(...some);
      }
    expect(idsOf(got.flat())).toEqual(idsOf(batch));
    expect(got.map((some) => some.length > 0)).toEqual([true, true]);
  });

  test("a wait ends when it is no longer wanted, and what comes later is somebody else's", async () => {
    const queue = await connect(MIDDLE_MS);
    const unwanted = new AbortController();
    const waiting = queue.receive({ max: 1, waitMs: WAIT_MS, signal: unwanted.signal });
    await queue.figures();
    unwanted.abort();
    expect(await waiting).toEqual([]);
    expect(await queue.receive({ max: 1, waitMs: WAIT_MS, signal: unwanted.signal })).toEqual([]);
    await sendAll(queue, [notice("later")]);
    // A broker that did not hear in time has handed it to the one who is gone: then it comes again.
    expect(await receiveOne(queue)).toMatchObject({ id: "later" });
  });

  test("once it is closed nothing is received, also by who waits, and closing again is fine", async () => {
    const queue = await connect();
    const waiting = queue.receive({ max: 1, waitMs: WAIT_MS });
    await queue.figures();
    await queue.close();
    await queue.close();
    expect(await waiting).toEqual([]);
    expect(await queue.receive({ max: 1, waitMs: WAIT_MS })).toEqual([]);
  });
}

/** Extends these until something else comes. On time: no pause between two of them was as long as they are hidden. */
async function extendMeanwhile(
  queue: Notices,
  worked: readonly ReceivedNotice[],
): Promise<{ readonly comesBack: readonly ReceivedNotice[]; readonly isOnTime: boolean }> {
  let comesBack: readonly ReceivedNotice[] = [];
  let last = performance.now();
  let longest = 0;
  while (comesBack.length === 0) {
    // The wait for what comes back is the pause between two extensions, too.
    comesBack = await queue.receive({ max: 1, waitMs: SHORT_MS });
    if (comesBack.length === 0) await queue.extend(worked);
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  return { comesBack, isOnTime: longest < MIDDLE_MS };
}

function retryCases(connect: Connect): void {
  test("what is given back counts or does not, and keeps what it was", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("one")]);
    const first = await receiveOne(queue);
    await queue.retry(first, { delayMs: 0, counts: true });
    const second = await receiveOne(queue);
    await queue.retry(second, { delayMs: 0, counts: false });
    const third = await receiveOne(queue);
    await queue.retry(third, { delayMs: 0, counts: false });
    const fourth = await receiveOne(queue);
    expect([first, second, third, fourth].map(({ attempts }) => attempts)).toEqual([1, 2, 2, 2]);
    const { id, body, attributes, firstAt } = first;
    expect(fourth).toMatchObject({ id, body, attributes, firstAt });
    await queue.acknowledge([fourth]);
    await figures(queue, { waiting: 0, received: 0, dead: 0 });
  });

  test.each([true, false])("what is given back for later comes later (counts: %s)", async (counts) => {
    const queue = await connect();
    // A machine that was too busy to look before that time was over has shown nothing: then it is tried with more of it.
    for (const delayMs of [SHORT_MS, 4 * SHORT_MS, 16 * SHORT_MS]) {
      await sendAll(queue, [notice(`one-${delayMs}`)]);
      const one = await receiveOne(queue);
      const began = performance.now();
      await queue.retry(one, { delayMs, counts });
      await sendAll(queue, [notice(`two-${delayMs}`)]);
      const both = [await receiveOne(queue)];
      const isOnTime = performance.now() - began < delayMs;
      both.push(await receiveOne(queue));
      await queue.acknowledge(both);
      if (!isOnTime && delayMs < 16 * SHORT_MS) continue;
      expect(both).toMatchObject([{ id: `two-${delayMs}` }, { id: `one-${delayMs}`, attempts: counts ? 2 : 1 }]);
      return;
    }
  });

  test("without counting it never dies, and with counting it does", async () => {
    const queue = await connect();
    await sendAll(queue, [notice("poor")]);
    for (let i = 0; i < ATTEMPTS_MAX + 2; i++) await queue.retry(await receiveOne(queue), { delayMs: 0, counts: false });
    for (let i = 0; i < ATTEMPTS_MAX; i++) await queue.retry(await receiveOne(queue), { delayMs: 0, counts: true });
    expect(await queue.receive({ max: 1, waitMs: 0 })).toEqual([]);
    const [letter] = await deadOf(queue, 1);
    expect(letter).toMatchObject({ id: "poor", reason: "attempts_exhausted", attempts: ATTEMPTS_MAX });
    await figures(queue, { waiting: 0, received: 0, dead: 1 });
  });
}

function brokerCases(connect: Connect, subject: () => NoticesSubject): void {
  test("what was stored is there after the broker died, and a client finds it again", async () => {
    const queue = await connect();
    const batch = Array.from({ length: 12 }, (_, i) => notice(`n-${i}`));
    await sendAll(queue, batch);
    const before = await receiveUntil(queue, 2);
    const [done, dead] = before as [ReceivedNotice, ReceivedNotice];
    await queue.acknowledge([done]);
    await queue.deadLetter(dead, { reason: "malformed", message: "no" });
    await subject().restart();
    // While it is away it says so; whoever uses it tries again.
    const retrying = async <Answer>(call: () => Promise<Answer>): Promise<Answer> => {
      for (let tries = 0; ; tries++) {
        try {
          return await call();
        } catch (error) {
          expect(error).toMatchObject({ code: "unavailable" });
          if (tries === 20) throw error;
        }
      }
    };
    await expect.poll(async () => (await retrying(() => queue.send([notice("new")])))[0]?.fault ?? null, PATIENCE).toBeNull();
    const wanted = new Set(idsOf([...batch, notice("new")]).filter((id) => id !== done.id && id !== dead.id));
    const seen = new Set<string>();
    await expect
      .poll(async () => {
        const some = await retrying(() => queue.receive({ max: 10, waitMs: SHORT_MS }));
        await retrying(() => queue.acknowledge(some));
        for (const { id } of some) seen.add(id);
        return seen;
      }, PATIENCE)
      .toEqual(wanted);
    expect(idsOf(await deadOf(queue, 1))).toEqual([dead.id]);
    // What was signed before it died is signed for it still.
    expect((await connect()).identity).toBe(queue.identity);
  });

  test("a second client finds the queue as it is, with all that lies in it", async () => {
    const first = await connect();
    await sendAll(first, [notice("one"), notice("two")]);
    await first.deadLetter(await receiveOne(first), { reason: "schema", message: "no" });
    expect(first.isOpen()).toBe(true);
    await first.close();
    expect(first.isOpen()).toBe(false);
    const second = await connect();
    expect(second.identity).toBe(first.identity);
    await figures(second, { waiting: 1, received: 0, dead: 1 });
    await second.acknowledge([await receiveOne(second)]);
    expect(await second.receive({ max: 1, waitMs: 0 })).toEqual([]);
  });
}
