import { expect, test } from "vitest";
import type { JsonObject } from "@windlass/kernel";
import { taskKind } from "./task-kind.ts";

const faultsOf = (spec: JsonObject) => taskKind.validate(spec, null).map(({ path, message }) => `${path}: ${message}`);

test.each<JsonObject>([
  { handler: "resize" },
  { image: "docker.io/library/alpine:3", args: ["true"], memoryLimitBytes: 1024 },
  { command: ["echo", ""] },
  { script: "echo hi", shell: "bash", cwd: "/tmp", env: { A: "1" }, memoryLimitBytes: 1024, output: "json" },
])("%j is a task", (spec) => {
  expect(faultsOf(spec)).toEqual([]);
});

test.each<[JsonObject, string]>([
  [{}, "spec.command: give a handler, or either a command"],
  [{ image: "x", comand: [] }, 'spec.comand: unknown key "comand"; did you mean "command"?'],
  [{ handler: "" }, "spec.handler: expected the name"],
  [{ handler: "a", script: "x" }, "spec.script: a task has either a handler or a process"],
  [{ command: ["x"], script: "x" }, "spec.command: give a handler, or either"],
  [{ command: [] }, "spec.command: expected a list of texts"],
  [{ command: "ls" }, "spec.command: expected a list of texts"],
  [{ command: ["a\0b"] }, "spec.command: expected a list of texts"],
  [{ script: " " }, "spec.script: expected text"],
  [{ script: "x", env: { "A B": "1" } }, "spec.env.A B: expected a variable's name"],
  [{ script: "x", env: { A: 1 } }, "spec.env.A: expected a variable's name"],
  [{ script: "x", memoryLimitBytes: "64Mi" }, "spec.memoryLimitBytes: expected a whole number"],
  [{ comand: ["x"] }, 'spec.comand: unknown key "comand"; did you mean "command"?'],
])("%j is refused", (spec, message) => {
  expect(faultsOf(spec).join("\n")).toContain(message);
});

test("all faults are told at once", () => {
  expect(faultsOf({ command: [], cwd: "", output: "xml", nope: 1 })).toHaveLength(4);
});
