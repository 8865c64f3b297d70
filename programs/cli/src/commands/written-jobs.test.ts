import { expect, test } from "vitest";
import { jobsIn } from "./written-jobs.ts";

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

test("a mark of the byte order and comments are no jobs", async () => {
  const lines = `\uFEFF# ours\n${JSON.stringify(a)}\n  # and theirs\n${JSON.stringify(b)}\n`;
  expect(await jobsIn(lines, "f")).toEqual([
    { job: a, place: "line 2" },
    { job: b, place: "line 4" },
  ]);
  expect(await jobsIn(`\uFEFF# ours\n${JSON.stringify([a])}`, "f")).toEqual([{ job: a, place: "job 1" }]);
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
