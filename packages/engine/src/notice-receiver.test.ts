import { randomBytes } from "node:crypto";
import { WindlassError, type JsonObject, type Notice } from "@windlass/kernel";
import type { Notices, OutgoingNotice, Store } from "@windlass/ports";
import { memoryNotices, noticesMemory, type NoticesMemory } from "@windlass/testkit";
import { afterEach, expect, test } from "vitest";
import { engineFixture, groupKind, type EngineFixture } from "./engine-fixture.ts";
import { noticeSignatures, type SigningMode } from "./notice-signatures.ts";
import type { NoticeOptions } from "./notice-receiver.ts";

interface Site extends EngineFixture {
  readonly memory: NoticesMemory;
  readonly notices: Notices;
  readonly signatures: NoticeOptions["signatures"];
  readonly send: (...all: readonly (Partial<Notice> & { readonly id?: string })[]) => Promise<void>;
  readonly executions: () => Promise<readonly string[]>;
}

const NOTICE: Notice = {
  version: 1,
  type: "execution",
  workflow_id: "nightly",
  nominal_time: "2026-01-01T09:00:00Z",
  trigger_type: "schedule",
  sent_at: "2026-01-01T09:00:01Z",
};
const LIMIT_MS = 600_000;

let site: Site;
afterEach(() => site.close());

interface Given {
  readonly mode?: SigningMode;
  readonly wrap?: (store: Store) => Store;
  readonly readKeys?: () => string;
  /** May throw, at each try to open the queue. */
  readonly opening?: (tries: number, connect: () => Notices) => Notices;
}

const withDefaults = (input: JsonObject): JsonObject => ({ day: "today", ...input });

/** Why nothing can be made of a workflow any more. */
const gone = new Map<string, WindlassError>();
afterEach(() => gone.clear());

async function open(given: Given = {}): Promise<Site> {
  const memory = noticesMemory();
  const keys = { place: "KEYS", read: given.readKeys ?? (() => KEY) };
  const signatures = noticeSignatures({ mode: given.mode ?? "enforce", keys, replayMs: 3_600_000 });
  let tries = 0;
  const connect = (): Notices => memoryNotices(memory, { clock: fixture.clock, attemptsMax: 3 });
  const executionOf: NoticeOptions["executionOf"] = async ({ workflow_id: name, input }) => {
    const fault = gone.get(name);
    if (fault !== undefined) throw fault;
    if (name === "none") throw new WindlassError("not_found", "there is no workflow none");
    if (name === "picky") throw new WindlassError("invalid", "the inputs of picky are not as they should be");
    if (name === "broken") throw new Error("nobody foresaw this");
    return { kind: "workflow", name, spec: { waitMs: 1_000 }, input: withDefaults(input ?? {}), executor: "none" };
  };
  const fixture: EngineFixture = await engineFixture({
    kinds: [{ ...groupKind, inputs: (_, given) => withDefaults(given as JsonObject) }],
    notices: { open: async () => given.opening?.(++tries, connect) ?? connect(), signatures, executionOf },
    ...(given.wrap === undefined ? {} : { wrap: given.wrap }),
  });
  const notices = connect();
  await fixture.engine.start();
  site = {
    ...fixture,
    memory,
    notices,
    signatures,
    async send(...all) {
      await notices.send(
        all.map(({ id = "n-1", ...more }) => signed(site, { id, body: JSON.stringify({ ...NOTICE, ...more }), attributes: {} })),
      );
    },
    async executions() {
      const found = await fixture.store.reads.list({ workspace: "default", limit: 100 });
      return found.map(({ record }) => record.name);
    },
    async close() {
      await fixture.close();
      await notices.close();
    },
  };
  return site;
}

const KEY = randomBytes(32).toString("base64");

function signed({ signatures, clock, notices }: Site, notice: OutgoingNotice): OutgoingNotice {
  return { ...notice, attributes: signatures.sign(notice, { queue: notices.identity, now: clock.now() }) };
}

const emptied = (): Promise<void> => site.clock.until(() => site.memory.waiting.length === 0, LIMIT_MS);
const died = (): readonly string[] => site.memory.dead.map(({ id, reason }) => `${id} ${reason}`).toSorted();

test("a notice of an execution that is stored is done with, and one of an execution that is not is a dead letter", async () => {
  const { engine, send, executions } = await open();
  const { id } = await engine.jobs.submit({ kind: "workflow", name: "stored", spec: { waitMs: 1 }, executor: "none" });
  await send({ id: "a", execution_id: id }, { id: "b", execution_id: "job_gone" });
  await emptied();
  expect([died(), await executions()]).toEqual([["b unknown_execution"], ["stored"]]);
});

test("one that names no execution makes one, however often it comes", async () => {
  const { send, executions, notices, clock } = await open();
  await send({ id: "a" });
  await emptied();
  // Later than the queue knows the id.
  await clock.advance((notices.dedupesMs ?? 0) + 1);
  await send({ id: "a" });
  // The same nominal time of a schedule, sent by two under different ids.
  await send(
    { id: "b", schedule_id: "s", nominal_time: "2026-01-01T10:00:00Z" },
    { id: "c", schedule_id: "s", nominal_time: "2026-01-01T11:00:00+01:00" },
  );
  // Asked for with something else: it is there already.
  await send({ id: "d", schedule_id: "s", nominal_time: "2026-01-01T10:00:00Z", input: { other: true } });
  await emptied();
  expect([died(), await executions()]).toEqual([[], ["nightly", "nightly"]]);
});

const GONE: readonly (readonly [string, WindlassError])[] = [
  ["is deleted", new WindlassError("not_found", "there is no workflow nightly")],
  ["refuses its input", new WindlassError("invalid", "the inputs of nightly are not as they should be")],
  ["may not be submitted", new WindlassError("forbidden", "an image of nightly is not allowed")],
];

test.each(GONE)("a notice that comes again once its workflow %s is done with, and a new one is not", async (_, fault) => {
  const { send, notices, clock, executions } = await open();
  const ofTime = { schedule_id: "s", nominal_time: "2026-01-01T10:00:00Z" };
  await send({ id: "a" }, { id: "b", ...ofTime });
  await emptied();
  gone.set("nightly", fault);
  await clock.advance((notices.dedupesMs ?? 0) + 1);
  await send({ id: "a" }, { id: "c", ...ofTime }, { id: "d" });
  await emptied();
  expect(died()).toEqual([expect.stringContaining("d ")]);
  expect(await executions()).toEqual(["nightly", "nightly"]);
});

test("an id that came before with something else is a dead letter, not something that was done", async () => {
  const { send, executions, notices, clock } = await open();
  await send({ id: "1" });
  await emptied();
  await clock.advance((notices.dedupesMs ?? 0) + 1);
  await send({ id: "1", input: { other: true } });
  await emptied();
  expect([died(), await executions()]).toEqual([["1 refused"], ["nightly"]]);
});

test.each(GONE)("so it is once its workflow %s; one of a time is done with, whatever it asks for", async (_, fault) => {
  const { send, executions, notices, clock } = await open();
  const ofTime = { schedule_id: "s", nominal_time: "2026-01-01T10:00:00Z" };
  await send({ id: "1" }, { id: "2", input: { day: "monday" } }, { id: "3", ...ofTime });
  await emptied();
  gone.set("nightly", fault);
  await clock.advance((notices.dedupesMs ?? 0) + 1);
  await send({ id: "1", input: { day: "monday" } }, { id: "2" }, { id: "4", ...ofTime, input: { day: "monday" } });
  await emptied();
  expect(died()).toEqual([expect.stringContaining("1 "), expect.stringContaining("2 ")]);
  await clock.advance((notices.dedupesMs ?? 0) + 1);
  await send({ id: "1", input: { day: "today" } }, { id: "2", input: { day: "monday" } });
  await emptied();
  expect([died().length, (await executions()).length]).toEqual([2, 3]);
});

test("of ten with one malformed nine run", async () => {
  const { notices, executions } = await open();
  const batch = Array.from({ length: 10 }, (_, i) =>
    signed(site, { id: `n-${i}`, body: i === 4 ? "{" : JSON.stringify(NOTICE), attributes: {} }),
  );
  await notices.send(batch);
  await emptied();
  expect([died(), (await executions()).length]).toEqual([["n-4 malformed"], 9]);
});

test("what can never be followed is a dead letter at once, with its reason", async () => {
  const { send, notices } = await open();
  await send({ id: "a", workflow_id: "none" }, { id: "b", workflow_id: "picky" }, { id: "c", trigger_type: "cron" as "manual" });
  await notices.send([{ id: "d", body: JSON.stringify(NOTICE), attributes: {} }]);
  await emptied();
  expect(died()).toEqual(["a unknown_workflow", "b refused", "c schema", "d signature"]);
  expect(site.memory.dead.map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
});

test("what fails as nobody foresaw is tried again, later each time, and dies", async () => {
  const { send, lines } = await open();
  await send({ workflow_id: "broken" });
  await emptied();
  expect(died()).toEqual(["n-1 attempts_exhausted"]);
  expect(lines.filter(({ message }) => message === "a notice is given back")).toHaveLength(3);
});

test("a store that is away for long makes no dead letters", async () => {
  let failures = 30;
  const { send, executions } = await open({
    wrap: (store) => ({
      ...store,
      jobs: {
        ...store.jobs,
        records: (ids) =>
          ids[0] === "job_x" && failures-- > 0 ? Promise.reject(new WindlassError("unavailable", "no store")) : store.jobs.records(ids),
      },
    }),
  });
  await send({ execution_id: "job_x" });
  await emptied();
  // In the end it is looked for, and is not there.
  expect([failures, died(), await executions()]).toEqual([-1, ["n-1 unknown_execution"], []]);
});

test.each([
  ["off", [], 0],
  ["warn", [], 1],
  ["enforce", ["n-1 signature"], 0],
] as const)("where signatures are %s, one without any is taken or not, and told of or not", async (mode, letters, told) => {
  const { notices, lines } = await open({ mode });
  await notices.send([{ id: "n-1", body: JSON.stringify(NOTICE), attributes: {} }]);
  await emptied();
  expect(died()).toEqual(letters);
  expect(lines.filter(({ message }) => message === "a notice is not signed as it should be, and is taken")).toHaveLength(told);
});

test("keys that cannot be read for a while make no dead letters, and count no attempts", async () => {
  let isBroken = false;
  const readKeys = (): string => {
    if (isBroken) throw new WindlassError("invalid", "the file of keys is half written");
    return KEY;
  };
  const { send, memory, clock, executions } = await open({ readKeys });
  const notice = send({ id: "a" });
  isBroken = true;
  await notice;
  await clock.advance(60_000);
  expect([memory.waiting.length, died()]).toEqual([1, []]);
  isBroken = false;
  await emptied();
  expect([died(), await executions()]).toEqual([[], ["nightly"]]);
});

test("a broker that is away keeps nothing from starting, is told of, and is found when it is back", async () => {
  const { engine, send, clock, executions, lines } = await open({
    opening: (tries, connect) => {
      if (tries < 5) throw new WindlassError("unavailable", "nobody listens");
      return connect();
    },
  });
  const { notices } = engine.context.figures;
  expect(notices).toMatchObject({ isUsed: true, fault: "nobody listens" });
  expect(lines.filter(({ message }) => message === "the queue for notices is away, and is looked for")).toHaveLength(1);
  await send({ id: "a" });
  await emptied();
  await clock.until(() => notices.atBroker !== null, LIMIT_MS);
  expect([notices, await executions()]).toMatchObject([{ fault: null, received: 1, dead: 0, atBroker: { waiting: 0 } }, ["nightly"]]);
});

test("a queue that was lost is opened anew", async () => {
  const opened: Notices[] = [];
  const opening = (_: number, connect: () => Notices): Notices => {
    opened.push(connect());
    return opened.at(-1) as Notices;
  };
  const { send, executions } = await open({ opening });
  await opened[0]?.close();
  await send({ id: "a" });
  await emptied();
  expect([await executions(), opened.length]).toEqual([["nightly"], 2]);
});

test("what will not mend by itself is told at the start", async () => {
  const opening = (): never => {
    throw new WindlassError("tool_missing", "it is too old");
  };
  await expect(open({ opening })).rejects.toMatchObject({ code: "tool_missing" });
});
