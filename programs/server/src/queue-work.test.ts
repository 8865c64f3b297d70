import { operations } from "@windlass/contract";
import { NO_RETRY } from "@windlass/kernel";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;

beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const job = { name: "send", executor: "handler", spec: { handler: "nobody" }, input: { to: "ada" } } as const;

/** A job of this queue that has failed for good. */
async function dead(queue: string, name = "send"): Promise<string> {
  const { engine } = server;
  const { id } = await engine.jobs.submit({
    ...job,
    kind: "task",
    name,
    queue,
    retry: NO_RETRY,
    deadLetter: true,
    startDeadline: engine.context.now() - 1,
  });
  await engine.context.commit([{ type: "expire", id }]);
  return id;
}

test("dead letters are listed, shown with the job that died, redriven once, and struck off after a preview", async () => {
  const { api } = server;
  const [first, second] = [await dead("letters"), await dead("letters", "other")];
  const page = await api.deadLetters.list({ queue: "letters", limit: 1 });
  operations.deadLetters.list.result.parse(page);
  expect(page).toMatchObject({ items: [{ id: second, reason: "start_deadline", redrives: 0 }], nextCursor: second });
  expect((await api.deadLetters.list({ queue: "letters", cursor: second })).items.map(({ id }) => id)).toEqual([first]);
  expect((await api.deadLetters.list({ name: "other" })).items.map(({ id }) => id)).toEqual([second]);
  const shown = await api.deadLetters.get({ id: first });
  operations.deadLetters.get.result.parse(shown);
  expect(shown).toMatchObject({ queue: "letters", job: { input: { to: "ada" }, state: "expired" } });

  const redriven = await api.deadLetters.redrive({ queue: "letters" });
  expect(redriven).toMatchObject({
    items: [
      { id: second, created: true },
      { id: first, created: true },
    ],
    more: false,
  });
  expect((await api.deadLetters.redrive({ queue: "letters" })).items).toEqual([]);
  expect((await api.deadLetters.redrive({ ids: [first] })).items).toEqual([{ ...redriven.items[1], created: false }]);
  expect(await api.deadLetters.get({ id: first })).toMatchObject({ redrives: 1, redrivenBy: "admin", redrivenAs: redriven.items[1]?.job });
  expect((await api.jobs.get({ id: redriven.items[1]?.job ?? "" })).cause).toMatchObject({ type: "retry", of: first });

  const purged = { at: expect.any(String), more: false, fault: null, unseen: null };
  expect(await api.deadLetters.purge({ queue: "letters" })).toEqual({ ...purged, matched: 2, removed: 0 });
  expect(await api.deadLetters.purge({ ids: [first], dryRun: false })).toEqual({ ...purged, matched: 1, removed: 1 });
  await expect(api.deadLetters.get({ id: first })).rejects.toMatchObject({ code: "not_found" });
  await expect(api.deadLetters.redrive({ ids: [first] })).rejects.toMatchObject({ code: "not_found" });
  expect((await api.jobs.get({ id: first })).state).toBe("expired");
});

test("what waits in a queue is moved and purged, each after a preview; a queue that holds jobs is not deleted", async () => {
  const { api } = server;
  await api.queues.put({ name: "busy", paused: true });
  const { id } = await api.jobs.submit({ ...job, queue: "busy" });
  const other = await api.jobs.submit({ ...job, queue: "busy", name: "other" });
  expect(await api.queues.move({ name: "busy", to: "calm", dryRun: true })).toEqual({
    ...{ matched: 2, done: 0, steps: 0, more: false, nextCursor: null },
  });
  expect(await api.queues.purge({ name: "busy", cursor: id })).toMatchObject({ matched: 1 });
  expect(await api.queues.move({ name: "busy", to: "calm", cursor: other.id })).toMatchObject({ matched: 0, more: false });
  await expect(api.queues.purge({ name: "busy", cursor: "42" })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "cursor" }] });
  expect(await api.queues.move({ name: "busy", to: "calm", jobName: "other" })).toMatchObject({ matched: 1, done: 1 });
  expect(await api.jobs.get({ id: other.id })).toMatchObject({ queue: "calm" });
  expect((await api.jobs.events({ id: other.id })).items.at(-1)).toMatchObject({
    type: "job.moved",
    data: { from: "busy", to: "calm", by: "admin" },
  });
  await expect(api.queues.move({ name: "busy", to: "Not A Name" })).rejects.toMatchObject({ code: "invalid", faults: [{ path: "to" }] });
  await expect(api.queues.delete({ name: "busy" })).rejects.toMatchObject({
    code: "conflict",
    message: "queue busy holds 1 job; move or purge what waits, and let the rest end",
  });
  expect(await api.queues.purge({ name: "busy" })).toMatchObject({ matched: 1, done: 0 });
  expect(await api.queues.purge({ name: "busy", dryRun: false })).toMatchObject({ matched: 1, done: 1 });
  expect((await api.jobs.get({ id })).state).toBe("cancelled");
  expect(await api.queues.delete({ name: "busy" })).toEqual({ name: "busy" });
  await expect(api.queues.delete({ name: "busy" })).rejects.toMatchObject({
    code: "not_found",
    message: "nothing was set of queue busy: there is nothing to forget",
  });
  await expect(api.queues.delete({ name: "bsuy" })).rejects.toMatchObject({ message: expect.stringContaining("there is no queue bsuy") });
});

test("the queue of an isolated execution is set by nobody: paused, it would be given one runner after the other", async () => {
  await expect(server.api.queues.put({ name: "execution/job_x", paused: true })).rejects.toMatchObject({ code: "invalid" });
});

test("a queue that is empty at the moment is there for whoever has worked with it or serves it; a name that nobody used is not", async () => {
  const { api } = server;
  const { id } = await api.submit("once", null, { queue: "drained" });
  await api.jobs.cancel({ id });
  expect(await api.queues.get({ name: "drained" })).toMatchObject({ name: "drained", queued: 0, running: 0, revision: 0, paused: false });
  expect(await api.queues.purge({ name: "drained" })).toMatchObject({ matched: 0 });
  const worker = await server.work({ once: () => null }, "served");
  expect(await api.queues.get({ name: "served" })).toMatchObject({ queued: 0 });
  await worker.stop();
  await expect(api.queues.get({ name: "draind" })).rejects.toMatchObject({ code: "not_found" });
});

test("queues come in pages, in the order of their names, and so do the other lists that may grow", async () => {
  const { api } = server;
  for (const name of ["page-c", "page-a", "page-b"]) await api.queues.put({ name, paused: true });
  const first = await api.queues.list({ limit: 2, cursor: "page" });
  operations.queues.list.result.parse(first);
  expect(first).toMatchObject({ items: [{ name: "page-a" }, { name: "page-b" }], nextCursor: "page-b" });
  expect((await api.queues.list({ cursor: "page-b" })).items.map(({ name }) => name)).toEqual(["page-c"]);
  const all: string[] = [];
  for await (const { name } of api.queues.each({ limit: 1 })) all.push(name);
  expect(all.filter((name) => name.startsWith("page-"))).toEqual(["page-a", "page-b", "page-c"]);
  const worker = await server.work({ once: () => null }, "paged");
  const one = await api.workers.list({ limit: 1 });
  expect(one).toMatchObject({ items: [{ id: one.nextCursor }], nextCursor: expect.stringMatching(/^ses_/u) });
  await worker.stop();
  await api.roles.create({ name: "page-role", permissions: ["jobs:read"] });
  const roles = await api.roles.list({ limit: 2 });
  operations.roles.list.result.parse(roles);
  expect(roles).toMatchObject({ items: [{ name: "admin" }, { name: "page-role" }], nextCursor: "page-role" });
  expect(await api.roles.list({ cursor: "page-role" })).toMatchObject({
    items: [{ name: "read" }, { name: "worker" }, { name: "write" }],
    nextCursor: null,
    permissions: roles.permissions,
  });
  expect(await api.workspaces.list({ cursor: "d" })).toMatchObject({ items: [{ name: "default" }], nextCursor: null });
  expect(await api.workflows.list({ limit: 1 })).toEqual({ items: [], nextCursor: null });
  expect(await api.webhooks.list({ limit: 1 })).toEqual({ items: [], nextCursor: null });
});

test("a cursor that no page gave is refused: a list that is empty, or begins anew, would be believed", async () => {
  for (const path of ["jobs", "tokens", "audit", "dead-letters"]) {
    const answer = await server.ask("GET", `/api/v1/${path}?cursor=42`);
    expect(answer.status, path).toBe(422);
    expect(await answer.json()).toMatchObject({ code: "invalid", faults: [{ path: "cursor" }] });
  }
});
