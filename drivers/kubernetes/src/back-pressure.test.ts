import { WindlassError } from "@windlass/kernel";
import { fakeClock, settled } from "@windlass/testkit";
import { expect, test } from "vitest";
import { patiently, throughOutages, type WhyWait } from "./back-pressure.ts";

function patience() {
  const clock = fakeClock();
  const end = new AbortController();
  const told: WhyWait[] = [];
  return { clock, end, told, given: { clock, chance: () => 0.5, signal: end.signal, onWait: (why: WhyWait) => void told.push(why) } };
}
const answer = (status: number, body: unknown = {}, headers = {}) => ({ status, body, headers });

test("a server that asks to wait is asked again when it said, and what waited is told", async () => {
  const { clock, told, given } = patience();
  const answers = [
    answer(429, { message: "too many" }, { "retry-after": "7" }),
    answer(403, { message: "exceeded quota: q" }),
    answer(201),
  ];
  let calls = 0;
  const done = patiently(async () => answers[calls++] ?? answer(500), given);
  await settled();
  await clock.advance(6_900);
  expect(calls).toBe(1);
  await clock.advance(200);
  expect(calls).toBe(2);
  await clock.advance(60_000);
  expect(await done).toMatchObject({ status: 201 });
  expect(told).toMatchObject([{ message: "the API server asks to wait: too many" }, { reason: "quota_exceeded" }]);
});

test("another refusal is an answer, and a stop ends the waiting", async () => {
  const { end, given } = patience();
  expect(await patiently(async () => answer(403, { message: "not allowed" }), given)).toMatchObject({ status: 403 });
  const waits = patiently(async () => answer(429), given);
  await settled();
  end.abort(new Error("stopped"));
  await expect(waits).rejects.toThrow("stopped");
});

test("an outage is waited for, but not for ever, and nothing else is", async () => {
  const { clock, told, given } = patience();
  let isUp = false;
  const work = async () => {
    if (!isUp) throw new WindlassError("unavailable", "down");
    return "done";
  };
  const done = throughOutages(work, given);
  await clock.advance(120_000);
  isUp = true;
  await clock.advance(60_000);
  expect(await done).toBe("done");
  expect(told[0]).toEqual({ reason: "pending_outside", message: "down" });
  isUp = false;
  const never = throughOutages(work, given).catch((error: unknown) => error);
  await clock.advance(700_000);
  expect(await never).toMatchObject({ code: "unavailable" });
  await expect(throughOutages(() => Promise.reject(new WindlassError("conflict", "no")), given)).rejects.toMatchObject({
    code: "conflict",
  });
});
