import { expect, test } from "vitest";
import { EXIT_KILLED, resultOfStop, signalName, signalOfExitCode } from "./outside-end.ts";

test("an exit code above 128 stands for a signal, where there is one of that number", () => {
  expect([signalOfExitCode(EXIT_KILLED), signalOfExitCode(143), signalOfExitCode(1), signalOfExitCode(255)]).toEqual([
    "SIGKILL",
    "SIGTERM",
    null,
    null,
  ]);
  expect([signalName(11), signalName(99)]).toEqual(["SIGSEGV", null]);
});

test("what a stop was for says how it is told", () => {
  expect(resultOfStop("cancelled")).toMatchObject({ outcome: "cancelled", reason: "cancel_requested" });
  expect(resultOfStop("replaced")).toMatchObject({ outcome: "cancelled", reason: "replaced" });
  expect(resultOfStop("failed_timeout")).toMatchObject({ outcome: "failed_timeout", reason: "step_timeout" });
});
