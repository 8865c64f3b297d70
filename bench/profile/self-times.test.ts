import { expect, test } from "vitest";
import { selfTimes } from "./self-times.ts";

const frame = (functionName: string, url = "") => ({ functionName, url, scriptId: "1", lineNumber: 9, columnNumber: 0 });

test("time is given to the function that ran, and functions of Node to their callers of ours", () => {
  const times = selfTimes(
    {
      startTime: 0,
      endTime: 10_000,
      nodes: [
        { id: 1, callFrame: frame("(root)"), children: [2, 5] },
        { id: 2, callFrame: frame("commit", "file:///repository/commit.ts"), children: [3] },
        { id: 3, callFrame: frame("between", "node:internal/x"), children: [4] },
        { id: 4, callFrame: frame("run") },
        { id: 5, callFrame: frame("(idle)") },
      ],
      samples: [4, 4, 5, 2],
      timeDeltas: [1_000, 2_000, 6_000, 1_000],
    },
    10,
  );
  expect(times).toEqual([
    { what: "(idle)", ms: 6, share: 0.6 },
    { what: "run ← commit commit.ts:10", ms: 3, share: 0.3 },
    { what: "commit commit.ts:10", ms: 1, share: 0.1 },
  ]);
});
