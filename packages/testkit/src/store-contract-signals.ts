/** Contract: what somebody outside tells a job that waits, and what a person decides about one. */
import { assert, type Change, type LiveJob, type SignalFact } from "@windlass/kernel";
import type { Store, WokenJob } from "@windlass/ports";
import { expect, test } from "vitest";
import { advanceOf, childRecord, compositeRecord, jobRecord, succeeded, T0 } from "./factories.ts";
import { commitOne, running } from "./store-contract-commit.ts";
import type { Subject } from "./store-subject.ts";

const FACT: SignalFact = { type: "signal", name: "go", data: { n: [1, "é"] }, by: "ada", at: T0 + 1 };

async function wokenOf(store: Store, id: string): Promise<WokenJob> {
  const found = (await store.jobs.woken(10)).find((job) => job.live.id === id);
  assert(found !== undefined, "the job is woken");
  return found;
}

/** A composite with one composite child, both decided about once; the child waits as given. */
async function family(
  store: Store,
  wait: Partial<ReturnType<typeof advanceOf>>,
): Promise<{ readonly parent: LiveJob; readonly child: LiveJob }> {
  const parent = await running(store, compositeRecord());
  const first = await wokenOf(store, parent.id);
  await commitOne(store, advanceOf(first.live, { children: [childRecord(parent, "w", { executor: "none" })] }));
  const { jobs } = await store.jobs.claim({ executor: "none", session: "ses_1", place: null, limit: 1, now: T0 });
  const id = jobs[0]?.record.id ?? "";
  await commitOne(store, advanceOf((await wokenOf(store, id)).live, wait));
  return { parent: (await store.reads.get(parent.id))?.live as LiveJob, child: (await store.reads.get(id))?.live as LiveJob };
}

export function describeSignals(subject: Subject): void {
  test("a signal is a fact of the job that decides, and an event of it; who is carried out takes none", async () => {
    const { store } = subject;
    const parent = await running(store, compositeRecord());
    await commitOne(store, advanceOf((await wokenOf(store, parent.id)).live));
    expect(await commitOne(store, { type: "signal", id: parent.id, name: "go", data: FACT.data, by: "ada" }, T0 + 1)).toMatchObject({
      ok: true,
    });
    expect((await wokenOf(store, parent.id)).facts).toEqual([FACT]);
    expect((await store.reads.events(parent.id, 0, 10)).at(-1)).toMatchObject({ type: "job.signalled", data: { name: "go", by: "ada" } });
    const carried = await running(store, jobRecord());
    expect(await commitOne(store, { type: "signal", id: carried.id, name: "go", data: 1, by: "ada" })).toMatchObject({
      ok: false,
      refusal: { code: "conflict" },
    });
  });

  test("a child is told a fact with the decision; when it has ended meanwhile the fact comes back", async () => {
    const { store } = subject;
    const { parent, child } = await family(store, { waitFor: { for: "signal", name: "go" } });
    expect(child).toMatchObject({ state: "waiting", wait: { for: "signal", name: "go" } });
    await commitOne(store, { type: "signal", id: parent.id, name: "go", data: FACT.data, by: "ada" }, T0 + 1);
    const told = (await wokenOf(store, parent.id)).live;
    expect(await commitOne(store, advanceOf(told, { tells: [{ id: child.id, fact: FACT }] }))).toMatchObject({ ok: true });
    const woken = await wokenOf(store, child.id);
    expect(woken.facts).toEqual([FACT]);
    await commitOne(store, advanceOf(woken.live, { finish: succeeded }));
    const after = (await wokenOf(store, parent.id)).live;
    await commitOne(store, advanceOf(after, { tells: [{ id: child.id, fact: FACT }] }));
    expect((await wokenOf(store, parent.id)).facts).toEqual([FACT]);
  });

  test("a child that ends tells its parent what it has not used, behind its end", async () => {
    const { store } = subject;
    const { parent, child } = await family(store, { waitFor: { for: "signal", name: "go" } });
    await commitOne(store, { type: "signal", id: child.id, name: "go", data: FACT.data, by: "ada" });
    const woken = (await wokenOf(store, child.id)).live;
    await commitOne(store, advanceOf(woken, { finish: succeeded, tells: [{ id: parent.id, fact: FACT }] }));
    expect((await wokenOf(store, parent.id)).facts).toMatchObject([{ type: "child", id: child.id }, FACT]);
  });

  test("what waits for an approval is ended once, by somebody whom it waits for, and never before it waits", async () => {
    const { store } = subject;
    const { parent, child } = await family(store, { waitFor: { for: "approval", by: ["ada", "eve"], text: "ship?" } });
    const say = (by: string, id: string = child.id): Change => ({
      type: "settle",
      id,
      attempt: child.attempt,
      by: { type: "approval", by },
      result: { ...succeeded, output: { approved: true, by } },
      stopped: false,
      random: 0,
    });
    expect(await commitOne(store, say("bob"))).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    expect(await commitOne(store, say("ada", parent.id))).toMatchObject({ ok: false, refusal: { code: "conflict" } });
    const { results } = await store.jobs.commit([say("ada"), say("eve")], T0 + 3);
    expect(results).toMatchObject([{ ok: true }, { ok: false, refusal: { code: "job_finished" } }]);
    expect((await store.reads.get(child.id))?.final).toMatchObject({ state: "succeeded", output: { approved: true, by: "ada" } });
    expect((await wokenOf(store, parent.id)).facts).toMatchObject([{ type: "child", key: "w", outcome: "succeeded" }]);
  });
}
