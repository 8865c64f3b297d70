import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { expect, test } from "vitest";
import type { Format } from "../output/present.ts";
import { plainStyle } from "../output/style.ts";
import type { Call } from "../tree/call.ts";
import { submitAll, submitMany } from "./submit-many.ts";
import type { WrittenJob } from "./written-jobs.ts";

type SubmitMany = Client["jobs"]["submitMany"];
type Result = Awaited<ReturnType<SubmitMany>>["results"][number];

const jobsOf = (count: number): readonly WrittenJob[] =>
  Array.from({ length: count }, (_, index) => ({
    job: { name: `job-${index}`, executor: "handler", spec: { handler: "none" } },
    place: `line ${index + 1}`,
  }));

/** Answers each request with the next of these. */
function serverOf(...answers: readonly ((results: Result[]) => Result[])[]) {
  let asked = 0;
  const submitMany = (async ({ jobs }: { readonly jobs: readonly { readonly name: string }[] }) => {
    const answer = answers[asked++];
    if (answer === undefined) throw new Error("nobody expected this request");
    return { results: answer(jobs.map(({ name }) => ({ job: { id: name }, created: true }) as unknown as Result)) };
  }) as unknown as SubmitMany;
  return { jobs: { submitMany }, asked: () => asked };
}

function callOf(format: Format = "table") {
  const [out, err]: [string[], string[]] = [[], []];
  let interrupt = (): void => {};
  const call = {
    format,
    terminal: { out: (text: string) => void out.push(text), err: (text: string) => void err.push(text), style: plainStyle },
    onInterrupt: (callback: () => void) => {
      interrupt = callback;
      return () => {};
    },
  } as unknown as Call;
  return { call, out: () => out.join(""), err: () => err.join(""), interrupt: () => interrupt() };
}

const all = (results: Result[]): Result[] => results;
const refusing =
  (...indexes: readonly number[]) =>
  (results: Result[]): Result[] =>
    results.map((result, index) => (indexes.includes(index) ? ({ problem: { detail: "the key was used" } } as unknown as Result) : result));
const failing =
  (...error: ConstructorParameters<typeof WindlassError>) =>
  (): never => {
    throw new WindlassError(...error);
  };

test("a request that is not valid ends it after what is stored and what is refused were told", async () => {
  const server = serverOf(
    refusing(5),
    all,
    failing("invalid", "not valid", { faults: [{ path: "jobs[199].name", message: "jobs[199].name is missing" }] }),
  );
  const { call, out } = callOf();
  await expect(submitAll(call, server, jobsOf(2_500))).rejects.toMatchObject({
    code: "invalid",
    message: "of line 1 to line 2000, 1999 jobs are stored, and nothing behind; go on from line 2001",
    faults: [{ message: expect.stringMatching(/^line 2200: name is missing/u) }],
  });
  expect(out()).toBe("refused: line 6: the key was used\n1999 jobs submitted, 1 refused\n");
});

test.each(["unreachable", "timed_out", "unavailable", "internal"] as const)(
  "%s: nobody knows of the jobs without an answer",
  async (code) => {
    const { call, out } = callOf("name");
    await expect(submitAll(call, serverOf(refusing(5), failing(code, "it is gone")), jobsOf(2_500))).rejects.toMatchObject({
      code,
      message:
        "it is gone; of line 1 to line 1000, 999 jobs are stored; it is not known whether line 1001 to line 2000 are stored; nothing behind is",
    });
    expect(out().split("\n")).toHaveLength(1_000);
    await expect(submitAll(call, serverOf(failing(code, "it is gone")), jobsOf(1))).rejects.toMatchObject({
      message: "line 1: it is gone; it is not known whether line 1 is stored",
    });
  },
);

test("of a server that was not reached, it is known", async () => {
  const cause = new TypeError("fetch failed", { cause: Object.assign(new Error("connect"), { code: "ECONNREFUSED" }) });
  const { call, out } = callOf();
  await expect(submitAll(call, serverOf(failing("unreachable", "nobody answers", { cause })), jobsOf(2))).rejects.toMatchObject({
    message: "nobody answers; nothing was submitted",
  });
  expect(out()).toBe("");
});

test("where each has a key, it is told where to go on also when nobody knows", async () => {
  const keyed = jobsOf(2_500).map(({ job, place }) => ({ place, job: { ...job, idempotencyKey: place } }));
  const lost = failing("unreachable", "it is gone");
  await expect(submitAll(callOf().call, serverOf(all, lost), keyed)).rejects.toMatchObject({
    message: expect.stringMatching(/line 2000 are stored; nothing behind is; go on from line 1001: under their keys none is made twice$/u),
  });
  await expect(submitAll(callOf().call, serverOf(lost), [...keyed.slice(0, 2), ...jobsOf(1)])).rejects.toMatchObject({
    message: expect.not.stringContaining("go on"),
  });
});

test("a folder without a server is told before anything is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "windlass-submit-many-"));
  try {
    const call: Call = { ...callOf().call, args: ["no such file"], options: { data: folder }, environment: { XDG_CONFIG_HOME: folder } };
    await expect(submitMany(call)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(/^no server runs for the data folder/u),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("results so far are printed as JSON as well", async () => {
  const { call, out } = callOf("json");
  await expect(submitAll(call, serverOf(all, failing("timed_out", "late")), jobsOf(1_001))).rejects.toMatchObject({ code: "timed_out" });
  expect(JSON.parse(out())).toMatchObject({ results: { length: 1_000 } });
});

test("a job that is refused as a request of its own is named", async () => {
  const [first] = jobsOf(1);
  const large: WrittenJob = { job: { name: "x".repeat(300_000), executor: "handler", spec: {} }, place: "line 7" };
  const server = serverOf(all, failing("too_large", "the request is too large"));
  await expect(submitAll(callOf().call, server, [...(first === undefined ? [] : [first]), large])).rejects.toMatchObject({
    message: "line 7: the request is too large; of line 1, 1 job is stored, and nothing behind; go on from line 7",
  });
});

test("interrupted, the request under way is waited for, and it is told how far it came", async () => {
  const { call, out, err, interrupt } = callOf();
  const server = serverOf(all, (results) => {
    interrupt();
    return results;
  });
  expect(await submitAll(call, server, jobsOf(2_500))).toBe(130);
  expect([server.asked(), out(), err()]).toEqual([
    2,
    "2000 jobs submitted\n",
    "\nStopped: of line 1 to line 2000, 2000 jobs are stored, and nothing behind; go on from line 2001\n",
  ]);
});
