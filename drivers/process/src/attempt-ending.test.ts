import { expect, test } from "vitest";
import { resultOfEnd } from "./attempt-ending.ts";

test.each([
  [
    { code: 0, signal: null },
    { outcome: "succeeded", reason: "ok", exitCode: 0 },
  ],
  [
    { code: 3, signal: null },
    { outcome: "failed", reason: "exit_code", exitCode: 3 },
  ],
  [
    { code: 255, signal: null },
    { outcome: "failed", reason: "exit_code", exitCode: 255 },
  ],
  [
    { code: null, signal: "SIGTERM" },
    { outcome: "failed", reason: "signal", signal: "SIGTERM" },
  ],
  [
    { code: 143, signal: null },
    { outcome: "failed", reason: "signal", signal: "SIGTERM", exitCode: 143 },
  ],
])("a process that ended by itself with %j", (end, result) => {
  expect(resultOfEnd(end, null)).toMatchObject(result);
});

test("what ended it comes before how it ended", () => {
  expect(resultOfEnd({ code: 143, signal: null }, { by: "stop", stopFor: "cancelled" })).toMatchObject({ outcome: "cancelled" });
});
