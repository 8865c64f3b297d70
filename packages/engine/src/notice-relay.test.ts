import { randomBytes } from "node:crypto";
import { readNotice } from "@windlass/kernel";
import type { Notices, Store } from "@windlass/ports";
import { memoryNotices, noticesMemory, type NoticesMemory } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { noticeRelay } from "./notice-relay.ts";
import { noticeSignatures } from "./notice-signatures.ts";
import { noticeQueue } from "./notice-queue.ts";
import type { Service } from "./service.ts";

const LIMIT_MS = 600_000;
const keys = { place: "KEYS", read: () => KEY };
const KEY = randomBytes(32).toString("base64");
const signatures = noticeSignatures({ mode: "enforce", keys, replayMs: 60_000 });

interface Site extends EngineFixture {
  readonly memory: NoticesMemory;
  readonly notices: Notices;
  readonly execute: (name: string) => Promise<string>;
  readonly relay: (session?: string) => Service;
}

let site: Site;
let relays: Service[] = [];
afterEach(async () => {
  for (const one of relays) await site.outcome(one.stop());
  relays = [];
  await site.close();
});

/** The engine of the fixture takes no notices: what is sent lies in the memory. */
async function open(
  given: { readonly wrap?: (store: Store) => Store; readonly sending?: (notices: Notices) => Notices } = {},
): Promise<Site> {
  const memory = noticesMemory();
  const fixture = await engineFixture({ ...(given.wrap === undefined ? {} : { wrap: given.wrap }) });
  const notices = memoryNotices(memory, { clock: fixture.clock });
  const open = async (): Promise<Notices> => given.sending?.(notices) ?? notices;
  site = {
    ...fixture,
    memory,
    notices,
    execute: async (name) =>
      (await fixture.engine.jobs.submit({ kind: "workflow", name, spec: { waitMs: 1_000 }, executor: "none", workspace: "default" })).id,
    relay(session = "ses_a") {
      const { context } = fixture.engine;
      const made = noticeRelay(context, { session: () => session, queue: noticeQueue(context, open), signatures });
      relays.push(made);
      return made;
    },
  };
  return site;
}

const sent = (): readonly string[] => site.memory.waiting.map(({ id }) => id);

test("of each execution that is stored one signed notice is sent, which says where to look; of nothing else any", async () => {
  const { relay, execute, submit, clock, memory, notices } = await open();
  await execute("before");
  await relay().start();
  await clock.until(async () => (await site.store.feedPlaces.get("notices")) !== null, LIMIT_MS);
  const id = await execute("nightly");
  await submit();
  await clock.until(() => sent().length > 0, LIMIT_MS);
  await clock.advance(20_000);
  expect(sent()).toEqual([id]);
  const [one] = memory.waiting;
  expect(readNotice(one?.body ?? "")).toMatchObject({
    notice: { workflow_id: "nightly", execution_id: id, trigger_type: "manual", version: 1 },
  });
  expect(signatures.fault(one as never, { queue: notices.identity, now: clock.now() })).toBeNull();
  expect(one?.attributes).toMatchObject({ workflow_id: "nightly", trigger_type: "manual" });
});

test("what a broker that was away did not take is sent again, in order, and signed anew", async () => {
  let isAway = false;
  const { relay, execute, clock, memory, notices, engine } = await open({
    sending: (real) => ({
      ...real,
      send: async (batch) => {
        if (!isAway) return real.send(batch);
        const taken = await real.send(batch.length > 1 ? batch.slice(0, 1) : []);
        return [...taken, ...batch.slice(taken.length).map(({ id }) => ({ id, fault: { message: "away", mayPass: true } }))];
      },
    }),
  });
  await relay().start();
  await clock.until(async () => (await site.store.feedPlaces.get("notices")) !== null, LIMIT_MS);
  isAway = true;
  const ids = await Promise.all(["a", "b", "c", "d"].map(execute));
  const { notices: figures } = engine.context.figures;
  await clock.until(() => figures.failed > 0, LIMIT_MS);
  // Each try confirms one of them, so that it gets on; the last one waits for longer than a signature is good for.
  await clock.until(() => sent().length === 3, LIMIT_MS);
  expect(figures.outbox.depth).toBeGreaterThan(0);
  await clock.advance(120_000);
  isAway = false;
  await clock.until(() => sent().length === 4, LIMIT_MS);
  expect([...sent()].toSorted()).toEqual([...ids].toSorted());
  await clock.until(() => figures.outbox.depth === 0, LIMIT_MS);
  expect(signatures.fault(memory.waiting.at(-1) as never, { queue: notices.identity, now: clock.now() })).toBeNull();
});

test("who dies between sending and storing its place sends it again, and another goes on", async () => {
  let isDying = false;
  const { relay, execute, clock, outcome } = await open({
    wrap: (store) => ({
      ...store,
      feedPlaces: {
        ...store.feedPlaces,
        move: (name, step) => (isDying ? Promise.reject(new Error("dead")) : store.feedPlaces.move(name, step)),
      },
    }),
  });
  const first = relay("ses_a");
  await first.start();
  await clock.until(async () => (await site.store.feedPlaces.get("notices")) !== null, LIMIT_MS);
  isDying = true;
  const id = await execute("a");
  await clock.until(() => sent().length > 0, LIMIT_MS);
  await outcome(first.stop());
  relays = [];
  isDying = false;
  // Later than the queue knows an id.
  await clock.advance(200_000);
  await relay("ses_b").start();
  await clock.until(() => sent().length > 1, LIMIT_MS);
  expect(new Set(sent())).toEqual(new Set([id]));
  const other = await execute("b");
  await clock.until(() => sent().includes(other), LIMIT_MS);
});
