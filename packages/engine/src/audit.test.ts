import { encodeId, type AuditEntry } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { afterEach, beforeEach, expect, test } from "vitest";
import { STRANGER, type Audited } from "./audit.ts";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { retention } from "./retention.ts";

const cancelled: Audited = {
  workspace: "default",
  actorId: "tok_1",
  actorName: "ci",
  operation: "jobs.cancel",
  object: "job_1",
  outcome: "ok",
  requestId: "req_1",
};
const all = { workspaces: null, limit: 100_000 } as const;

let fixture: EngineFixture;
let writes: number[];
let failing: boolean;

const watched = (store: Store): Store => ({
  ...store,
  audit: {
    ...store.audit,
    async add(entries: readonly AuditEntry[]) {
      if (failing) throw new Error("the disk is full");
      writes.push(entries.length);
      await store.audit.add(entries);
    },
  },
});

beforeEach(async () => {
  [writes, failing] = [[], false];
  fixture = await engineFixture({ wrap: watched });
  await fixture.engine.start();
});

afterEach(() => fixture.close());

test("entries are gathered and written together, in order", async () => {
  const { audit } = fixture.engine;
  for (let i = 0; i < 700; i++) audit.record({ ...cancelled, object: `job_${i}` });
  expect(writes).toEqual([]);
  await fixture.clock.advance(200);
  expect(writes).toEqual([500, 200]);
  const stored = await fixture.store.audit.list(all);
  expect(stored.map(({ object }) => object)).toEqual(Array.from({ length: 700 }, (_, i) => `job_${699 - i}`));
  expect(stored[0]).toMatchObject({ ...cancelled, object: "job_699", id: expect.stringMatching(/^aud_/u) });
});

test("who lists them sees what was done before", async () => {
  fixture.engine.audit.record(cancelled);
  expect(await fixture.engine.audit.list(all)).toMatchObject([cancelled]);
});

test("what cannot be written is kept and written later, once", async () => {
  const { audit } = fixture.engine;
  failing = true;
  audit.record(cancelled);
  await fixture.clock.advance(1_000);
  await expect(audit.list(all)).rejects.toThrow("the disk is full");
  failing = false;
  await fixture.clock.advance(30_000);
  expect(await fixture.store.audit.list(all)).toHaveLength(1);
});

test("a store that does not answer costs entries, not memory, and their number is told", async () => {
  const { audit } = fixture.engine;
  failing = true;
  for (let i = 0; i < 10_050; i++) audit.record(cancelled);
  await fixture.clock.advance(1_000);
  failing = false;
  const [newest, ...rest] = await audit.list(all);
  expect(newest).toMatchObject({ operation: "audit.lost", object: "50 entries" });
  expect(rest).toHaveLength(10_000);
  expect(fixture.lines.some((line) => line.fields["lost"] === 50)).toBe(true);
});

test("of callers that nobody knows a minute has sixty; those with a token are all written", async () => {
  const { audit } = fixture.engine;
  const strange = { ...cancelled, actorId: STRANGER.id, actorName: STRANGER.name, outcome: "unauthorized" };
  for (let i = 0; i < 100; i++) audit.record(strange);
  for (let i = 0; i < 100; i++) audit.record({ ...cancelled, outcome: "forbidden" });
  expect(await audit.list({ ...all, outcome: "unauthorized" })).toHaveLength(60);
  expect(await audit.list({ ...all, outcome: "forbidden" })).toHaveLength(100);
  await fixture.clock.advance(60_000);
  audit.record(strange);
  expect(await audit.list({ ...all, outcome: "unauthorized" })).toHaveLength(61);
});

test("a stop writes what was gathered", async () => {
  fixture.engine.audit.record(cancelled);
  await fixture.outcome(fixture.engine.stop());
  expect(await fixture.store.audit.list(all)).toHaveLength(1);
});

test("retention removes what is old, also where jobs are kept for ever", async () => {
  const DAY = 86_400_000;
  await fixture.store.audit.add(
    [0, 1, 2].map((n) => {
      const at = fixture.clock.now() - (n + 1) * DAY + 1_000;
      return { ...cancelled, id: encodeId("aud", at, new Uint8Array(10)), at };
    }),
  );
  // The engine has a retention of its own, and one process leads.
  await fixture.engine.stop();
  const service = retention(fixture.engine.context, { session: () => "ses_leader", days: 0, auditDays: 2 });
  await service.start();
  await fixture.clock.advance(500);
  expect((await fixture.store.audit.list(all)).map(({ at }) => Math.ceil((fixture.clock.now() - at) / DAY))).toEqual([1, 2]);
  await service.stop();
});
