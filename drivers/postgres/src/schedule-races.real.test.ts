/** Schedules of one database, decided about by several processes at once, while their jobs end. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CursorState, Dispatch } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { jobRecord, occurrenceRow, scheduleOf, T0, testPostgres } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { openPostgresStore } from "./postgres-store.ts";

const postgres = testPostgres();
const ROUNDS = 25;
const LATER = T0 + 3_600_000;

function decided(
  id: string,
  revision: number,
  { cursor, ...more }: Partial<Omit<Dispatch, "cursor">> & { cursor?: Partial<CursorState> },
): Dispatch {
  const state = { at: T0 + revision, nextAt: LATER, running: [], waiting: [], failing: null, ...cursor };
  return { scheduleId: id, revision, wakes: 0, cursor: state, added: [], settled: [], changes: [], ...more };
}

describe.skipIf(postgres.missing)("schedules of several processes on one database", () => {
  let stores: Store[] = [];
  const store = (index: number): Store => stores[index] as Store;

  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    const url = await postgres.schema();
    stores = [];
    for (let i = 0; i < 3; i++) stores.push(await openPostgresStore({ url, clock: fakeClock() }));
  });
  afterEach(() => Promise.all(stores.map((one) => one.close())));

  const made = async (round: number): Promise<string> => {
    const id = `sch_${round}`;
    await store(0).schedules.put(scheduleOf({ id, name: `s${round}` }), { expected: 0, dispatch: decided(id, 0, {}), now: T0 });
    return id;
  };

  test("an end that meets the decision to wait for it is never lost", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const id = await made(round);
      const job = jobRecord({ cause: { type: "schedule", id, nominalAt: T0 } });
      const running = [{ jobId: job.id, nominalAt: T0 }];
      await store(0).schedules.dispatch([decided(id, 1, { cursor: { running }, changes: [{ type: "submit", job }] })], T0);
      const waiting = [{ nominalAt: T0 + 1, dueAt: T0 + 1, isLate: false }];
      const added = [occurrenceRow({ scheduleId: id, nominalAt: T0 + 1, decision: "postponed", reason: "predecessor_running" })];
      await Promise.all([
        store(1).schedules.dispatch([decided(id, 2, { cursor: { running, waiting }, added })], T0 + 2),
        store(2).jobs.commit(
          [{ type: "stop", id: job.id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "t", graceMs: 1 }],
          T0 + 2,
        ),
      ]);
      const view = await store(0).schedules.get("default", `s${round}`);
      expect(view).toMatchObject({ alive: [], cursor: { revision: 3, wakes: 1, waiting, nextAt: T0 + 2 } });
    }
  });

  test("decisions that replace jobs, ends of these jobs and other decisions meet, and each counts once", async () => {
    const ids: string[] = [];
    const jobs: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const id = await made(round);
      const job = jobRecord({ cause: { type: "schedule", id, nominalAt: T0 } });
      await store(0).schedules.dispatch(
        [decided(id, 1, { cursor: { running: [{ jobId: job.id, nominalAt: T0 }] }, changes: [{ type: "submit", job }] })],
        T0,
      );
      ids.push(id);
      jobs.push(job.id);
    }
    const stopOf = (id: string) =>
      ({ type: "stop", id, stopFor: "replaced", reason: "replaced", message: null, by: "t", graceMs: 1 }) as const;
    const waiting = [{ nominalAt: T0 + 1, dueAt: T0 + 1, isLate: false }];
    const replace = ids.map((id, i) => decided(id, 2, { cursor: { waiting }, changes: [stopOf(jobs[i] ?? "")] }));
    const plain = ids.toReversed().map((id) => decided(id, 2, { cursor: { waiting } }));
    const [one, other] = await Promise.all([
      store(0).schedules.dispatch(replace, T0 + 2),
      store(1).schedules.dispatch(plain, T0 + 2),
      store(2).jobs.commit(jobs.toReversed().map(stopOf), T0 + 2),
    ]);
    expect(one.counted.map((counted, i) => counted !== (other.counted.toReversed()[i] ?? true))).toEqual(ids.map(() => true));
    for (const [i] of ids.entries())
      expect(await store(0).schedules.get("default", `s${i}`)).toMatchObject({
        alive: [],
        cursor: { revision: 3, wakes: 1, nextAt: T0 + 2 },
      });
  });
});
