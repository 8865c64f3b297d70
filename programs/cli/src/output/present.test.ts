import { expect, test } from "vitest";
import { namesIn } from "./present.ts";

const JOB = { id: "job_01m8h4c0a768360rz6hqt16m92", name: "sh", state: "queued" };

test("-o name gives what other commands take: of a job its id, of all else its name", () => {
  expect(namesIn({ items: [JOB] })).toEqual([JOB.id]);
  expect(namesIn({ items: [{ name: "default" }, { id: "tok_1" }] })).toEqual(["default", "tok_1"]);
  expect(namesIn({ id: "wfl_1", name: "hello", version: 2 })).toEqual(["hello"]);
  // Of a dead letter: a notice is found by its id, and not by the workflow that it names.
  expect(namesIn({ items: [JOB, { id: "notice_42", name: "hello" }] })).toEqual([JOB.id, "notice_42"]);
  expect(namesIn({ items: [] })).toEqual([]);
});

test("an object that holds one thing with a name stands for it", () => {
  expect(namesIn({ job: JOB, causes: [] })).toEqual([JOB.id]);
  expect(namesIn({ workflow: { name: "hello" }, created: true })).toEqual(["hello"]);
});

test("an answer without names says so", () => {
  expect(() => namesIn({ version: "1" })).toThrow(/no names to print; use -o table/u);
});
