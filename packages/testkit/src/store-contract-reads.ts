/** Contract: lists, counts, the feed, retention. */
import { expect, test } from "vitest";
import type { JobRecord } from "@windlass/kernel";
import type { JobFilter, Store } from "@windlass/ports";
import { advanceOf, childRecord, compositeRecord, failed, jobRecord, settleOf, succeeded, T0 } from "./factories.ts";
import { commitOne, running } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const everything: JobFilter = { workspace: "default", limit: 100 };

async function submit(store: Store, ...jobs: readonly JobRecord[]): Promise<void> {
  await store.jobs.commit(
    jobs.map((job) => ({ type: "submit", job })),
    T0,
  );
}

async function ids(store: Store, filter: Partial<JobFilter>): Promise<string[]> {
  return (await store.reads.list({ ...everything, ...filter })).map((view) => view.record.id);
}

export function describeReads(subject: Subject): void {
  test("a list is filtered by each field, newest first, and continues behind an id", async () => {
    const { store } = subject;
    const root = compositeRecord({ labels: { team: "core" } });
    const child = childRecord(root, "a", { labels: { team: "core", tier: "1" } });
    const mail = jobRecord({ name: "mail", queue: "mail", labels: { team: "web" } });
    await store.workspaces.add({ name: "other", createdBy: "ann", createdAt: T0 });
    const other = jobRecord({ workspace: "other", labels: { team: "core" } });
    await submit(store, root, child, mail, other);
    const all = [mail.id, child.id, root.id];
    expect(await ids(store, {})).toEqual(all);
    expect(await ids(store, { order: "oldest" })).toEqual(all.toReversed());
    expect(await ids(store, { limit: 1, after: mail.id })).toEqual([child.id]);
    expect(await ids(store, { limit: 1, after: root.id, order: "oldest" })).toEqual([child.id]);
    expect(await ids(store, { kind: "workflow" })).toEqual([root.id]);
    expect(await ids(store, { name: "mail" })).toEqual([mail.id]);
    expect(await ids(store, { queue: "mail" })).toEqual([mail.id]);
    expect(await ids(store, { parentId: root.id })).toEqual([child.id]);
    expect(await ids(store, { rootId: root.id })).toEqual([child.id, root.id]);
    expect(await ids(store, { rootsOnly: true })).toEqual([mail.id, root.id]);
    expect(await ids(store, { label: { key: "team", value: "core" } })).toEqual([child.id, root.id]);
    expect(await ids(store, { label: { key: "tier", value: "2" } })).toEqual([]);
    expect(await ids(store, { workspace: "other" })).toEqual([other.id]);
  });

  test("a child is found by its parent and key", async () => {
    const { store } = subject;
    const root = compositeRecord();
    const child = childRecord(root, "upload[3]");
    await submit(store, root, child);
    expect((await store.reads.child(root.id, "upload[3]"))?.record).toEqual(child);
    expect((await store.reads.child(root.id, "upload[3]"))?.live?.id).toBe(child.id);
    expect(await store.reads.child(root.id, "upload")).toBeNull();
    expect(await store.reads.child(child.id, "upload[3]")).toBeNull();
    expect(await store.reads.child("\0", "\0")).toBeNull();
  });

  test("a text that nobody can have stored is looked for, and not found", async () => {
    const { reads, definitions } = subject.store;
    for (const text of ["a\0b", "\uD800", "\0"]) {
      expect(await reads.get(text)).toBeNull();
      expect(await ids(subject.store, { name: text })).toEqual([]);
      expect(await ids(subject.store, { label: { key: text, value: text } })).toEqual([]);
      expect(await reads.tally({ ...everything, queue: text }, "state")).toMatchObject({ counts: {} });
      expect(await definitions.get({ workspace: "default", type: "workflow", name: text })).toBeNull();
    }
  });

  test("a tally counts what fits by state, kind or queue, and says when it did not look at all", async () => {
    const { store } = subject;
    const ended = await running(store, { queue: "a" });
    await running(store, { queue: "b" });
    await store.workspaces.add({ name: "other", createdBy: "ann", createdAt: T0 });
    await submit(store, jobRecord({ queue: "a" }), compositeRecord({ queue: "b" }), jobRecord({ workspace: "other" }));
    await store.jobs.commit([settleOf(ended)], T0 + 5);
    const tally = (more: Partial<JobFilter>, by: "state" | "kind" | "queue") => store.reads.tally({ ...everything, ...more }, by);
    expect(await tally({}, "state")).toEqual({ counts: { succeeded: 1, running: 1, queued: 2 }, capped: false });
    expect(await tally({}, "kind")).toEqual({ counts: { task: 3, workflow: 1 }, capped: false });
    expect(await tally({ states: ["succeeded", "running"] }, "queue")).toEqual({ counts: { a: 1, b: 1 }, capped: false });
    expect(await tally({ name: "nobody" }, "queue")).toEqual({ counts: {}, capped: false });
    expect(await tally({ limit: 3 }, "kind")).toMatchObject({ capped: true });
    expect(await tally({ limit: 4 }, "kind")).toMatchObject({ capped: false });
  });

  test("a list by state finds what lives and what ended, in one order", async () => {
    const { store } = subject;
    const ended = await running(store, { queue: "a" });
    const alive = await running(store, { queue: "b" });
    const gone = await running(store, { queue: "c" });
    const [queued, later] = [jobRecord(), jobRecord({ notBefore: T0 + 50 })];
    await submit(store, queued, later);
    await store.jobs.commit([settleOf(ended), settleOf(gone, failed)], T0 + 5);
    expect(await ids(store, { states: ["running"] })).toEqual([alive.id]);
    expect(await ids(store, { states: ["succeeded"] })).toEqual([ended.id]);
    expect(await ids(store, { states: ["running", "succeeded", "queued"] })).toEqual([queued.id, alive.id, ended.id]);
    expect(await ids(store, { states: ["running", "succeeded", "queued"], limit: 2, order: "oldest" })).toEqual([ended.id, alive.id]);
    expect(await ids(store, { states: ["running", "succeeded", "queued"], after: queued.id, limit: 1 })).toEqual([alive.id]);
    expect(await ids(store, { outcome: "failed" })).toEqual([gone.id]);
    expect(await ids(store, { outcome: "failed", states: ["succeeded"] })).toEqual([]);
    expect(await ids(store, { states: [] })).toEqual([]);
    expect(await store.reads.counts("default", 100)).toEqual({
      scheduled: 1,
      queued: 1,
      running: 1,
      waiting: 0,
      stopping: 0,
      succeeded: 1,
      failed: 1,
      cancelled: 0,
      expired: 0,
      skipped: 0,
    });
    await submit(store, jobRecord(), jobRecord());
    expect(await store.reads.counts("default", 2)).toMatchObject({ queued: 2 });
    expect(await store.reads.counts("other", 2)).toMatchObject({ queued: 0, succeeded: 0 });
  });

  test("the feed gives every event once, in the order of commits, and continues where one stopped", async () => {
    const { store } = subject;
    expect([await store.reads.feedEnd(), await store.reads.feed("", 10)]).toEqual(["", []]);
    const live = await running(store);
    const end = await store.reads.feedEnd();
    await commitOne(store, settleOf(live), T0 + 2);
    const all = await store.reads.feed("", 10);
    expect(all.map(({ event }) => [event.jobId, event.seq, event.type])).toEqual([
      [live.id, 1, "job.submitted"],
      [live.id, 2, "job.started"],
      [live.id, 3, "job.finished"],
    ]);
    expect(all.map((entry) => entry.position)).toEqual(all.map((entry) => entry.position).toSorted());
    expect(await store.reads.feed(end, 10)).toEqual(all.slice(2));
    expect(await store.reads.feed(all[0]?.position ?? "", 1)).toEqual(all.slice(1, 2));
    expect(await store.reads.feedEnd()).toBe(all[2]?.position);
    expect(all[2]?.event.data).toMatchObject({ outcome: "succeeded" });
    await store.workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    await submit(store, jobRecord({ workspace: "acme" }));
    expect((await store.reads.feed("", 10)).map((entry) => entry.workspace)).toEqual(["default", "default", "default", "acme"]);
  });

  test("retention removes whole trees whose root has ended, with all that belongs to them", async () => {
    const { store } = subject;
    const done = await running(store, { labels: { a: "b" }, idempotencyKey: "once", requestHash: "h" });
    await commitOne(store, settleOf(done), T0 + 10);
    const root = await running(store, compositeRecord());
    const child = childRecord(root, "a");
    await submit(store, child);
    const ended = { id: done.id, endedAt: T0 + 10 };
    expect(await store.retention.ended(T0 + 10, 10, null)).toEqual([]);
    expect(await store.retention.ended(T0 + 11, 10, null)).toEqual([ended]);
    expect(await store.retention.ended(T0 + 11, 10, { ...ended, id: "job_" })).toEqual([ended]);
    expect(await store.retention.ended(T0 + 11, 10, ended)).toEqual([]);
    const feedEnd = await store.reads.feedEnd();
    expect(await store.retention.remove([done.id, root.id, child.id, "job_none"])).toEqual([done.id]);
    expect(await store.reads.get(done.id)).toBeNull();
    expect([await store.reads.events(done.id, 0, 10), await store.reads.attempts(done.id)]).toEqual([[], []]);
    expect(await ids(store, { label: { key: "a", value: "b" } })).toEqual([]);
    expect(await commitOne(store, { type: "submit", job: jobRecord({ idempotencyKey: "once", requestHash: "other" }) })).toMatchObject({
      ok: true,
      created: true,
    });
    expect((await store.reads.feed(feedEnd, 10)).map(({ event }) => event.type)).toEqual(["job.submitted"]);
    await store.jobs.commit(
      [{ type: "stop", id: child.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "test", graceMs: 1 }],
      T0 + 12,
    );
    const parent = (await store.jobs.woken(1))[0]?.live ?? root;
    await commitOne(store, advanceOf(parent, { finish: succeeded }), T0 + 13);
    expect((await store.retention.remove([root.id])).toSorted()).toEqual([root.id, child.id].toSorted());
    expect(await store.reads.get(child.id)).toBeNull();
  });
}
