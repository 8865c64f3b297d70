import { expect, test } from "vitest";
import { resultOfEnd, resultOfRefusedStart, timeOfEnd } from "./container-ending.ts";

const end = { exitCode: 0, oomKilled: false, memoryLimitBytes: null };

test.each([
  [end, null, { outcome: "succeeded", reason: "ok" }],
  [{ ...end, exitCode: 3 }, null, { outcome: "failed", reason: "exit_code", exitCode: 3 }],
  [{ ...end, exitCode: 139 }, null, { outcome: "failed", reason: "signal", signal: "SIGSEGV" }],
  [{ ...end, exitCode: 137 }, null, { outcome: "failed", reason: "signal", signal: "SIGKILL" }],
  [{ ...end, exitCode: 137, memoryLimitBytes: 1024 }, null, { outcome: "failed", reason: "maybe_oom" }],
  [{ ...end, exitCode: 1, oomKilled: true }, null, { outcome: "failed_oom", reason: "memory_limit" }],
  [{ ...end, oomKilled: true }, null, { outcome: "succeeded" }],
  [
    { ...end, exitCode: 137, oomKilled: true },
    { by: "timeout", timeoutMs: 1000 },
    { outcome: "failed_timeout", reason: "step_timeout" },
  ],
  [
    { ...end, exitCode: 143 },
    { by: "stop", stopFor: "cancelled" },
    { outcome: "cancelled", signal: "SIGTERM" },
  ],
] as const)("%j with the cause %j is %j", (how, cause, result) => {
  expect(resultOfEnd(how, cause)).toMatchObject(result);
});

test.each([
  [500, 'exec: "nope": executable file not found in $PATH', "command_not_found"],
  [400, 'OCI runtime create failed: exec: "/etc": permission denied', "command_not_found"],
  [500, 'chdir to cwd ("/nope") set in config.json failed: no such file or directory', "bad_working_dir"],
  [500, "Cannot mkdir: /bin/ls is not a directory", "bad_working_dir"],
  [400, "Minimum memory limit allowed is 6MB", "bad_spec"],
])("a start that is refused with %i and %s is %s", (status, message, reason) => {
  expect(resultOfRefusedStart({ status, message })).toEqual({ outcome: "failed_config", reason, message });
});

test("what may pass is no end", () => {
  expect(resultOfRefusedStart({ status: 500, message: "database is locked" })).toBeNull();
});

test("nothing ends before it has begun, and what never ended has no end", () => {
  expect(timeOfEnd(1_000, 999)).toBe(1_000);
  expect(timeOfEnd(1_000, 1_200)).toBe(1_200);
  expect(timeOfEnd(1_000, 0)).toBe(0);
});
