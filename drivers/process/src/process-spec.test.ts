import fc from "fast-check";
import { expect, test } from "vitest";
import type { JsonObject } from "@windlass/kernel";
import { commandOf, faultsOfProcessSpec } from "./process-spec.ts";

test("good specs have no faults", () => {
  const good: JsonObject[] = [
    { command: ["true"] },
    { script: "echo", shell: "bash", cwd: "/tmp", env: { A: "" }, memoryLimitBytes: 1, output: "json" },
  ];
  for (const spec of good) expect(faultsOfProcessSpec(spec)).toEqual([]);
});

test("all faults are told at once, each with where it is and what is allowed", () => {
  const faults = faultsOfProcessSpec({
    command: ["a", 1],
    shel: "sh",
    cwd: "here",
    env: { "A=B": "x" },
    memoryLimitBytes: 0.5,
    output: "xml",
  });
  expect(faults.map((fault) => fault.path)).toEqual(["shel", "command", "cwd", "env", "memoryLimitBytes", "output"]);
  expect(faults[0]?.message).toBe("a process has no field `shel`; did you mean `shell`?");
  expect(faults[2]?.message).toBe('"here" is not allowed: `cwd` is an absolute path');
});

test("exactly one of command and script is wanted", () => {
  for (const spec of [{}, { command: ["a"], script: "b" }])
    expect(faultsOfProcessSpec(spec).map((fault) => fault.path)).toEqual(["command"]);
});

test("no JSON whatever makes the check itself fail", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom("command", "script", "shell", "cwd", "env", "memoryLimitBytes", "output", "x"), fc.jsonValue()),
      (spec) => {
        const faults = faultsOfProcessSpec(spec as JsonObject);
        if (faults.length === 0) expect(commandOf(spec).length).toBeGreaterThan(0);
      },
    ),
  );
});

test("NUL characters, which would cut an argument short, are refused", () => {
  expect(faultsOfProcessSpec({ command: ["a", "b\0c"] })).toHaveLength(1);
  expect(faultsOfProcessSpec({ script: "a\0" })).toHaveLength(1);
  expect(faultsOfProcessSpec({ script: "a", env: { A: "\0" } })).toHaveLength(1);
});
