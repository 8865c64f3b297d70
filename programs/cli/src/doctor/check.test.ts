import { fakeClock, settled } from "@windlass/testkit/fakes";
import { expect, test } from "vitest";
import { runChecks, worstOf, type Check } from "./check.ts";

const check = (name: string, look: Check["look"]): Check => ({ name, gives: "something", look });

test("checks run side by side, and one that hangs or fails is a finding", async () => {
  const clock = fakeClock();
  const running = runChecks(
    [
      check("well", async () => ({ found: "1" })),
      check("hangs", () => new Promise(() => {})),
      check("fails", () => Promise.reject(new Error("no such thing"))),
      check("lacks", async () => ({ status: "missing", found: "none", mend: "install it" })),
    ],
    { clock, msMax: 10 },
  );
  await clock.advance(9);
  expect(clock.pending).toBe(1);
  await clock.advance(1);
  const findings = await running;
  expect(findings).toEqual([
    { name: "well", gives: "something", status: "ok", found: "1" },
    { name: "hangs", gives: "something", status: "warning", found: "no answer within 0.01 s" },
    { name: "fails", gives: "something", status: "failed", found: "no such thing" },
    { name: "lacks", gives: "something", status: "missing", found: "none", mend: "install it" },
  ]);
  expect(worstOf(findings)).toBe("failed");
  expect(worstOf(findings.slice(0, 2))).toBe("warning");
  expect(worstOf([])).toBe("ok");
});

test("a check is not late because another held the program up", async () => {
  const timers = new Set<() => void>();
  const clock = {
    after: (_delayMs: number, callback: () => void) => {
      timers.add(callback);
      return () => void timers.delete(callback);
    },
  };
  const answer = check("answers in three turns", async () => {
    for (let turns = 0; turns < 3; turns++) await new Promise<void>((resolve) => void clock.after(1, resolve));
    return { found: "1" };
  });
  const findings = runChecks([answer], { clock, msMax: 40 });
  // After each time that it was held up for long, all that was set before is due, once.
  for (let turns = 0; turns < 3; turns++) {
    for (const callback of [...timers]) {
      timers.delete(callback);
      callback();
    }
    await settled();
  }
  expect((await findings).map(({ status }) => status)).toEqual(["ok"]);
  expect(timers.size).toBe(0);
});
