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
  ["- a: [", "f cannot be read"],
])("%j is refused with its place", async (text, said) => {
  await expect(jobsIn(text, "f")).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(said) });
});

test("all that is wrong with any of them is told at once, with its place, and of more as many as are shown", async () => {
  const lines = [a, 1, { ...b, queu: "x" }, { ...a, name: "" }, b].map((line) => JSON.stringify(line));
  await expect(jobsIn([...lines, '{"name"'].join("\n"), "f")).rejects.toMatchObject({
    code: "invalid",
    message: "4 of 6 jobs in f are not valid; nothing was submitted",
    faults: [
      { message: expect.stringMatching(/^line 2: a job is an object/u) },
      { message: expect.stringMatching(/^line 3: there is no field "queu".*did you mean "queue"/u) },
      { message: expect.stringMatching(/^line 4: name has 0 characters/u) },
      { message: expect.stringMatching(/^line 6: .*each line is one job/u) },
    ],
  });
  await expect(jobsIn("[1]", "f")).rejects.toMatchObject({
    message: "1 of 1 job in f is not valid; nothing was submitted",
    faults: [{ message: expect.stringMatching(/^job 1: a job is an object/u) }],
  });
  await expect(jobsIn(`${JSON.stringify({ ...a, queu: 1 })}\n`.repeat(5_000), "f")).rejects.toMatchObject({
    message: "5000 of 5000 jobs in f are not valid; nothing was submitted; the first 50 of 5000 faults",
    faults: { length: 50 },
  });
});
