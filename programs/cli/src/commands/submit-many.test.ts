import { expect, test } from "vitest";
import { jobsIn } from "./submit-many.ts";

const [a, b] = [
  { name: "a", executor: "handler", spec: { handler: "x" } },
  { name: "b", executor: "handler", spec: { handler: "y" } },
];

test("lines of JSON are jobs with the numbers of their lines", async () => {
  expect(await jobsIn(`${JSON.stringify(a)}\r\n\n${JSON.stringify(b)}\n`, "f")).toEqual([
    { job: a, place: "line 1" },
    { job: b, place: "line 3" },
  ]);
});

test.each([
  JSON.stringify([a, b], null, 2),
  "- {name: a, executor: handler, spec: {handler: x}}\n- {name: b, executor: handler, spec: {handler: y}}",
])("a list is one as JSON and as YAML: %j", async (text) => {
  expect(await jobsIn(text, "f")).toEqual([
    { job: a, place: "job 1" },
    { job: b, place: "job 2" },
  ]);
});

test.each([
  ["", "f has no jobs"],
  ["[]", "f has no jobs"],
  ["name: a", "f is no list of jobs"],
  ["[1]", "f, job 1: a job is an object"],
  ["- a: [", "f cannot be read"],
  [`${JSON.stringify(a)}\n{"name"`, "f, line 2: "],
])("%j is refused with its place", async (text, said) => {
  await expect(jobsIn(text, "f")).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(said) });
});
