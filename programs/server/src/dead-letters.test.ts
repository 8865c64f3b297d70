/** Dead letters of jobs and of notices in one call: what is asked of whom, in which order, and what is told of the rest. */
import { NO_RETRY, permissions, WindlassError, type Notice, type NoticeFault } from "@windlass/kernel";
import { noticeSignatures, type SubmitRequest } from "@windlass/engine";
import type { Notices } from "@windlass/ports";
import { client } from "@windlass/sdk";
import { memoryNotices, noticesMemory, type NoticesMemory } from "@windlass/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BASE, clock, testServer, type TestServer } from "./server-fixture.ts";

const signatures = noticeSignatures({ mode: "off", keys: { place: "KEYS", read: () => "" }, replayMs: 60_000 });
const executor = "handler";

let server: TestServer;
let memory: NoticesMemory;
/** The broker does not answer those who ask for dead letters. */
let away = false;
/** It goes as soon as it has shown them once. */
let isLeaving = false;
/** It goes when it has done half of what it was asked. */
let isFailing = false;
/** What was asked of it. */
let calls: string[] = [];

beforeEach(async () => {
  [memory, away, isLeaving, isFailing, calls] = [noticesMemory(), false, false, false, []];
  const executionOf = async ({ workflow_id: name }: Notice): Promise<SubmitRequest> => ({
    kind: "task",
    name,
    spec: { handler: "nobody" },
    executor: name === "command" ? "process" : executor,
  });
  server = await testServer({}, { notices: { open: async () => watched(memoryNotices(memory, { clock })), signatures, executionOf } });
});
afterEach(() => server.close());

function watched(queue: Notices): Notices {
  const asked = <Answer>(what: string, call: () => Promise<Answer>): Promise<Answer> => {
    calls.push(what);
    return away ? Promise.reject(new WindlassError("unavailable", "the broker is away")) : call();
  };
  const { dead } = queue;
  return {
    ...queue,
    // Nothing is received here: what is sent again lies there.
    receive: async ({ signal }) => {
      await new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
      return [];
    },
    figures: () => asked("figures", () => queue.figures()),
    dead: {
      look: (wanted) => asked("look", () => dead.look(wanted)).finally(() => (away ||= isLeaving)),
      redrive: (ids, how) =>
        asked("redrive", async () => {
          const [first = ""] = ids;
          if (!isFailing) return dead.redrive(ids, how);
          return { ...(await dead.redrive(ids.slice(1), how)), refused: [{ letterId: first, why: "it is too large" }] };
        }),
      remove: (ids) =>
        asked("remove", async () => (isFailing ? { ...(await dead.remove(ids.slice(1))), fault: "it went away" } : dead.remove(ids))),
    },
  };
}

let numbers = 0;

function deadNotice(workflow: string, { reason = "unknown_workflow" }: { readonly reason?: NoticeFault } = {}): string {
  const times = { nominal_time: "2026-01-01T09:00:00Z", sent_at: "2026-01-01T09:00:00Z" };
  const body = JSON.stringify({ version: 1, type: "execution", workflow_id: workflow, trigger_type: "event", ...times });
  const letterId = String(++numbers);
  const told = { reason, message: "no", attempts: 1, firstAt: 0, diedAt: Date.now(), redrives: 0 };
  memory.dead.push({ letterId, id: `n-${letterId}`, body: workflow === "" ? "{" : body, attributes: {}, ...told });
  return `notice_${letterId}`;
}

async function deadJob(): Promise<string> {
  const { jobs, context } = server.engine;
  const due = { startDeadline: context.now() - 1, deadLetter: true, retry: NO_RETRY };
  const { id } = await jobs.submit({ name: "send", kind: "task", executor, spec: { handler: "nobody" }, ...due });
  await context.commit([{ type: "expire", id }]);
  return id;
}

test("who may not run what a notice asks for runs nothing, also of the jobs beside it", async () => {
  const [job] = [await deadJob(), deadNotice("harmless"), deadNotice("command")];
  const all = permissions.filter((one) => one !== "jobs:command");
  const { secret } = await server.api.tokens.create({ name: "careful", permissions: all });
  const careful = client({ url: BASE, token: secret, fetch: (url, init) => server.app.fetch(new Request(url, init)) });
  await expect(careful.deadLetters.redrive({})).rejects.toMatchObject({ code: "forbidden" });
  expect([memory.dead.length, memory.waiting.length]).toEqual([2, 0]);
  expect(await server.api.deadLetters.get({ id: job })).toMatchObject({ redrives: 0 });
  expect(await server.api.deadLetters.redrive({})).toMatchObject({ items: [{ id: job }, { created: true }, { created: true }], left: [] });
  expect([memory.dead.length, memory.waiting.length]).toEqual([0, 2]);
});

test("nobody asks the broker who wants none of its letters: it may be away", async () => {
  const job = await deadJob();
  const { api } = server;
  away = true;
  calls = [];
  for (const wanted of [{ source: "job" }, { queue: "default" }, { reason: "start_deadline" }] as const) {
    expect(await api.deadLetters.list(wanted)).toMatchObject({ items: [{ id: job }], away: null });
    expect(await api.deadLetters.purge(wanted)).toMatchObject({ matched: 1 });
  }
  expect(await api.deadLetters.get({ id: job })).toMatchObject({ id: job });
  expect(await api.deadLetters.redrive({ ids: [job] })).toMatchObject({ items: [{ id: job, created: true }] });
  expect(await api.deadLetters.redrive({ source: "job" })).toMatchObject({ items: [], more: false });
  expect(await api.deadLetters.purge({ ids: [job], dryRun: false })).toMatchObject({ removed: 1 });
  expect(calls).toEqual([]);
});

test("where it is away and its letters are wanted, a list shows the others and says so, and nothing is changed", async () => {
  const job = await deadJob();
  deadNotice("a");
  const { api } = server;
  away = true;
  expect(await api.deadLetters.list({})).toMatchObject({ items: [{ id: job }], away: "the broker is away" });
  const gone = { code: "unavailable" };
  await expect(api.deadLetters.list({ source: "notice" })).rejects.toMatchObject(gone);
  // Also where there is no room for them in this call.
  for (const limit of [1, 1_000]) {
    await expect(api.deadLetters.redrive({ limit })).rejects.toMatchObject(gone);
    await expect(api.deadLetters.purge({ limit, dryRun: false })).rejects.toMatchObject(gone);
  }
  expect(await api.deadLetters.get({ id: job })).toMatchObject({ redrives: 0 });
  expect(memory.dead).toHaveLength(1);
});

test("call by call all are redriven, and all are struck off: while there are more it is said", async () => {
  const ids = [await deadJob(), await deadJob(), deadNotice("a"), deadNotice("b"), deadNotice("c")];
  const { api } = server;
  const found: string[] = [];
  const pages: boolean[] = [];
  for (let more = true; more;) {
    const answer = await api.deadLetters.redrive({ limit: 2 });
    found.push(...answer.items.map(({ id }) => id));
    more = answer.more;
    pages.push(more);
  }
  expect(found.toSorted()).toEqual(ids.toSorted());
  expect(pages).toEqual([true, true, false]);
  for (const name of ["a", "b", "c"]) deadNotice(name);
  expect(await api.deadLetters.purge({ limit: 4 })).toMatchObject({ matched: 4, removed: 0, more: true });
  const removed: number[] = [];
  for (let more = true; more;) {
    const answer = await api.deadLetters.purge({ limit: 2, dryRun: false });
    removed.push(answer.removed);
    more = answer.more;
  }
  expect(removed).toEqual([2, 2, 1]);
  expect(await api.deadLetters.list({})).toMatchObject({ items: [], nextCursor: null });
});

test("jobs and notices of one call share its rate, from the time that is asked for", async () => {
  await deadJob();
  for (const name of ["a", "b"]) deadNotice(name);
  const { items } = await server.api.deadLetters.redrive({ perSecond: 0.1, delaySeconds: 10 });
  const now = server.engine.context.now();
  const { notBefore } = (await server.engine.jobs.get(items[0]?.job ?? "")).record;
  const starts = [notBefore ?? 0, ...memory.waiting.map(({ visibleAt }) => visibleAt)];
  // The clock goes on meanwhile.
  expect(starts.map((at) => Math.round((at - (notBefore ?? 0)) / 10_000))).toEqual([0, 1, 2]);
  expect((notBefore ?? 0) - now).toBeGreaterThan(0);
});

test("what is not sent again is told, with how many and why", async () => {
  const [broken, unsigned] = [deadNotice("", { reason: "malformed" }), deadNotice("a", { reason: "signature" })];
  const { api } = server;
  expect(await api.deadLetters.redrive({})).toMatchObject({
    items: [],
    more: false,
    left: [
      { reason: "malformed", count: 1, ids: [broken], why: expect.stringContaining("strike it off") },
      { reason: "signature", count: 1, ids: [unsigned], why: expect.stringContaining("name it") },
    ],
  });
  expect(await api.deadLetters.redrive({ ids: [unsigned, broken] })).toMatchObject({
    items: [{ id: unsigned }],
    left: [{ ids: [broken] }],
  });
});

test("what the broker does not take any more is told, and the jobs are redriven", async () => {
  const job = await deadJob();
  deadNotice("a");
  const { api } = server;
  // It goes once all are chosen.
  isLeaving = true;
  expect(await api.deadLetters.redrive({})).toMatchObject({ items: [{ id: job }], more: true, fault: "the broker is away" });
  expect(memory.dead).toHaveLength(1);
});

test("what the broker refuses by itself is left, and told with why", async () => {
  const [first, second] = [deadNotice("a"), deadNotice("b")];
  isFailing = true;
  expect(await server.api.deadLetters.redrive({})).toMatchObject({
    items: [{ id: second }],
    more: false,
    left: [{ reason: "unknown_workflow", why: "it is too large", count: 1, ids: [first] }],
    fault: null,
  });
});

test("who strikes them off page by page leaves what died after the first, if he says when that was", async () => {
  await deadJob();
  await deadJob();
  const { api } = server;
  // What dies in the same millisecond counts as later.
  while (Date.now() <= Math.max(...(await api.deadLetters.list({})).items.map(({ diedAt }) => Date.parse(diedAt))));
  const { at, more } = await api.deadLetters.purge({ limit: 1, dryRun: false });
  const later = await deadJob();
  expect([more, await api.deadLetters.purge({ until: at, dryRun: false })]).toMatchObject([true, { matched: 1, removed: 1, more: false }]);
  expect((await api.deadLetters.list({})).items).toMatchObject([{ id: later }]);
});

test("a purge that its broker ends half-way tells what it struck off, and that there is more", async () => {
  await deadJob();
  for (const name of ["a", "b", "c"]) deadNotice(name);
  isFailing = true;
  expect(await server.api.deadLetters.purge({ dryRun: false })).toEqual({
    matched: 4,
    removed: 3,
    more: true,
    fault: "it went away",
    unseen: null,
    at: expect.stringMatching(/^2.*Z$/u),
  });
  isFailing = false;
  expect(await server.api.deadLetters.purge({ dryRun: false })).toMatchObject({ matched: 1, removed: 1, more: false, fault: null });
});

test("an answer tells when the server began, and the audit how many letters somebody vouched for, and the first of them", async () => {
  const { api, engine } = server;
  const job = await deadJob();
  const ids = [deadNotice("a"), deadNotice("b"), deadNotice("c")];
  const before = engine.context.now();
  const { at } = await api.deadLetters.redrive({});
  expect([Date.parse(at) >= before, Date.parse(at) <= engine.context.now()]).toEqual([true, true]);
  const audited = async (): Promise<unknown> => (await api.audit.list({ limit: 1 })).items[0]?.object;
  expect(await audited()).toBe(`4 dead letters: ${[job, ...ids.slice(0, 2)].join(", ")}, …`);
  const last = deadNotice("d");
  await api.deadLetters.redrive({});
  expect(await audited()).toBe(`1 dead letter: ${last}`);
  await api.deadLetters.redrive({});
  expect(await audited()).toBeNull();
});

test("what is named and is not there, or is not what else was asked for, is refused before anything is done", async () => {
  const [job, notice] = [await deadJob(), deadNotice("a")];
  const { api } = server;
  await expect(api.deadLetters.redrive({ ids: [job, notice, "notice_0"] })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("notice_0"),
  });
  await expect(api.deadLetters.purge({ ids: [notice], reason: "schema", dryRun: false })).rejects.toMatchObject({ code: "not_found" });
  await expect(api.deadLetters.get({ id: "notice_0" })).rejects.toMatchObject({ code: "not_found" });
  await expect(api.deadLetters.redrive({ again: true })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "again" }] });
  expect(memory.dead).toHaveLength(1);
  expect(await api.deadLetters.get({ id: job })).toMatchObject({ redrives: 0 });
});
