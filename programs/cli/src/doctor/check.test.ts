import { expect, test } from "vitest";
import { runChecks, worstOf, type Check } from "./check.ts";

const check = (name: string, look: Check["look"]): Check => ({ name, gives: "something", look });

test("checks run side by side, and one that hangs or fails is a finding", async () => {
  const findings = await runChecks(
    [
      check("well", async () => ({ found: "1" })),
      check("hangs", () => new Promise(() => {})),
      check("fails", () => Promise.reject(new Error("no such thing"))),
      check("lacks", async () => ({ status: "missing", found: "none", mend: "install it" })),
    ],
    10,
  );
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
  const answer = check("answers in three turns", async () => {
    for (let turns = 0; turns < 3; turns++) await new Promise((resolve) => void setTimeout(resolve, 1));
    return { found: "1" };
  });
  const hog = check("loads something large", async () => {
    for (const begun = performance.now(); performance.now() - begun < 40;);
    return { found: "2" };
  });
  expect((await runChecks([answer, hog], 40)).map(({ status }) => status)).toEqual(["ok", "ok"]);
});
