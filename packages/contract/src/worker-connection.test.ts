import { expect, test } from "vitest";
import { faultsOf } from "./faults-of.ts";
import { faultOfHandlers, frameReader, hostToTell, readableHost, WORKER_HANDLERS_LENGTH_MAX } from "./worker-connection.ts";
import { workerMessage } from "./worker-messages.ts";

test("where a program runs is told in what a header can carry and a terminal can show", () => {
  expect(hostToTell("büro-3\u009B2J\n", 17)).toBe("bro-32J (process 17)");
  expect(readableHost("\u009B \t")).toBe("");
  expect(readableHost("node-1 (process 5)")).toBe("node-1 (process 5)");
});

test("the names of handlers count once for each queue, and together have a limit", () => {
  const queues = ["a", "b", "c", "d", "a"];
  const names = ["x", "y"].map((name) => name.repeat(WORKER_HANDLERS_LENGTH_MAX / 8));
  expect(faultOfHandlers(names, queues)).toBeNull();
  expect(faultOfHandlers([...names, "z"], queues)).toBe(
    "handlers is too long: the names of its 3 handlers have 32769 characters, in 4 queues 131076; at most 131072 are kept for a worker. " +
      "Serve fewer queues, or shorten the names",
  );
});

test.each([
  ["2", "2"],
  [`"${"9".repeat(1_000_000)}"`, `"${"9".repeat(59)}`],
  [`[${"1,".repeat(500_000)}1]`, `[${"1,".repeat(29)}1`],
  ["", "null"],
])("a frame with a wrong number is told it, cut where it is none", (seq, told) => {
  const text = `{${seq === "" ? "" : `"seq":${seq},`}"messages":[]}`;
  expect(() => frameReader()(text)).toThrow(
    new Error(`a frame has the number ${told}; the next one must be 1: one was lost, doubled or out of order`),
  );
});

const many = (count: number, value: unknown): unknown[] => Array.from({ length: count }, () => value);
const item = { n: 1, id: "job_1", token: 1, attempt: 1 };

test.each([
  ["items", { type: "items", items: many(10_000, {}) }, /^items\[0\]\.what is/u],
  ["more items than a message may have", { type: "items", items: many(1_000_000, {}) }, /^items has 1000000 entries; .* at most 20000$/u],
  [
    "lines of a log",
    { type: "items", items: [{ ...item, what: "log", lines: [[1, "well"], ...many(900, [2, 2])] }] },
    /^items\[0\]\.lines\[1\]\[1\] is 2; it must be text$/u,
  ],
])("of %s that are wrong only the first is looked at: a frame has room for millions", (_, message, expected) => {
  const { error } = workerMessage.safeParse(message);
  if (error === undefined) throw new Error("it was taken");
  expect(error.issues).toHaveLength(1);
  expect(faultsOf(error, message, workerMessage)[0]?.message).toMatch(expected);
});

test("of what is wrong only so much is put into words as is told", () => {
  let looked = 0;
  const issue = {
    code: "custom",
    message: "it cannot be",
    get path() {
      looked++;
      return [];
    },
  };
  const faults = faultsOf({ issues: many(10_000, issue) } as unknown as Parameters<typeof faultsOf>[0], {}, workerMessage);
  expect(faults).toHaveLength(101);
  expect(faults.at(-1)).toEqual({ path: "", message: "9900 more faults are not listed" });
  expect(looked).toBeLessThan(1_000);
});
