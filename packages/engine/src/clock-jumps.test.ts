/** The clock is set forwards and back by hours while jobs run, wait and are kept. */
import { days, minutes, seconds } from "@windlass/kernel";
import type { Session } from "@windlass/ports";
import { afterEach, beforeEach, expect, test } from "vitest";
import { engineFixture, type EngineFixture } from "./engine-fixture.ts";
import { retention } from "./retention.ts";
import { sessionExpiry } from "./session-expiry.ts";
import type { Worker } from "./worker.ts";

const hours = (count: number): number => minutes(60 * count);
const JUMP = hours(3);
const MONTH: number = days(30);

let fixture: EngineFixture;
let finish: (value: string) => void;
let runs: number;
let worker: Worker;
beforeEach(async () => {
  fixture = await engineFixture();
  runs = 0;
  const ended = Promise.withResolvers<string>();
  finish = ended.resolve;
  await fixture.engine.start();
  const greet = (): Promise<string> => {
    runs++;
    return ended.promise;
  };
  worker = fixture.engine.worker({ handlers: { greet, quick: () => "quick" } });
  await worker.start();
});
afterEach(() => fixture.close());

test.each([
  ["forwards", [JUMP]],
  ["back", [-JUMP]],
  ["forwards and back", [JUMP, -JUMP]],
  ["back and forwards", [-JUMP, JUMP]],
])("a handler that runs while the clock is set %s goes on: no session is lost, and nothing runs twice", async (_, jumps) => {
  const { clock, submit, reach, store } = fixture;
  const id = await submit();
  await reach(id, "running");
  for (const jump of jumps) {
    clock.jump(jump);
    await clock.advance(60_000);
  }
  finish("done");
  await reach(id, "succeeded");
  const attempts = await store.reads.attempts(id);
  expect([runs, attempts.map(({ outcome }) => outcome)]).toEqual([1, ["succeeded"]]);
});

test("a delay is a date: it is over when the clock says so, and what was set by a clock that was ahead waits for that date", async () => {
  const { clock, submit, stateOf, reach } = fixture;
  const delayed = await submit({ spec: { handler: "quick" }, notBefore: clock.now() + hours(2) });
  const later = await submit({ spec: { handler: "quick" }, notBefore: clock.now() + JUMP + minutes(2) });
  await clock.advance(1_000);
  expect(await stateOf(delayed)).toBe("scheduled");
  clock.jump(JUMP);
  await reach(delayed, "succeeded");
  expect(await stateOf(later)).toBe("scheduled");
  clock.jump(-JUMP);
  await clock.advance(minutes(2));
  expect(await stateOf(later)).toBe("scheduled");
  clock.jump(JUMP);
  await reach(later, "succeeded");
});

test("nothing is removed by a jump that is undone; what is old is removed once it has lasted", async () => {
  const { clock, submit, reach, store, engine } = fixture;
  const id = await submit({ spec: { handler: "quick" } });
  await reach(id, "succeeded");
  // Alone: the other services look every second, for days.
  await fixture.outcome(worker.stop());
  await fixture.outcome(engine.stop());
  const service = retention(engine.context, { session: () => "ses_leader", days: 1 });
  await service.start();
  await clock.advance(minutes(2));
  clock.jump(MONTH);
  await clock.advance(hours(20));
  expect(await store.reads.get(id)).not.toBeNull();
  clock.jump(-MONTH);
  await clock.advance(60_000);
  expect(await store.reads.get(id)).not.toBeNull();
  await clock.advance(days(1));
  expect(await store.reads.get(id)).toBeNull();
  await service.stop();
});

test("ids go on in their order when the clock is set back", async () => {
  const { clock, submit } = fixture;
  const first = await submit();
  clock.jump(-JUMP);
  expect((await submit()) > first).toBe(true);
});

test("one that died while the clock was ahead is lost soon after, not hours later", async () => {
  const { clock } = fixture;
  const ttlMsMax: number = seconds(300);
  const expiry = sessionExpiry({ clock, now: () => clock.now(), ttlMsMax });
  const at = (expiresAt: number): Session => ({ id: "ses_1", role: "worker", place: null, serves: [], startedAt: 0, expiresAt });
  const dead = at(clock.now() + JUMP);
  expect(expiry.overSince(dead)).toBeNull();
  await clock.advance(ttlMsMax);
  expect(expiry.overSince(dead)).toBeNull();
  await clock.advance(1_000);
  expect(expiry.overSince(dead)).toBe(clock.now() - 1_000);
  expect(expiry.overSince(at(dead.expiresAt + 1)), "it has reported").toBeNull();
  expect(expiry.overSince(at(clock.now() + 1_000)), "by a clock that is right").toBeNull();
});
