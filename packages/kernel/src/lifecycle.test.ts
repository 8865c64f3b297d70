import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isLegal,
  isTerminal,
  LIFECYCLE,
  lifecycleDiagram,
  lifecycleEvents,
  jobStates,
  liveStates,
  STATE_MEANING,
  targetsOf,
  terminalStates,
} from "./lifecycle.ts";

describe("the life cycle", () => {
  test("every target is a state of the table, and every state has a meaning", () => {
    for (const state of jobStates) {
      for (const targets of Object.values(LIFECYCLE[state]) as string[][])
        for (const target of targets) expect(jobStates).toContain(target);
    }
    expect(Object.keys(STATE_MEANING).toSorted()).toEqual(jobStates.toSorted());
  });

  test("a job that has ended never leaves its state, and a live one always can", () => {
    expect(terminalStates.toSorted()).toEqual(["cancelled", "expired", "failed", "skipped", "succeeded"]);
    for (const state of terminalStates) for (const event of lifecycleEvents) expect(targetsOf(state, event)).toEqual([]);
    for (const state of liveStates) expect(lifecycleEvents.some((event) => targetsOf(state, event).length > 0)).toBe(true);
    expect([...liveStates, ...terminalStates].toSorted()).toEqual(jobStates.toSorted());
  });

  test("random walks stay inside the table and can always still come to an end", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 50 }), (choices) => {
        let state = jobStates[0] ?? "scheduled";
        for (const choice of choices) {
          const moves = lifecycleEvents.flatMap((event) => targetsOf(state, event).map((to) => ({ event, to })));
          if (moves.length === 0) break;
          const move = moves[choice % moves.length];
          if (move === undefined) break;
          expect(isLegal(state, move.event, move.to)).toBe(true);
          state = move.to;
        }
        expect(endsReachableFrom(state)).toBeGreaterThan(0);
      }),
    );
  });

  test("the diagram shows each edge once", () => {
    const lines = lifecycleDiagram().split("\n");
    const edges = jobStates.flatMap((from) =>
      lifecycleEvents.flatMap((event) => targetsOf(from, event).map((to) => `  ${from} --> ${to}: ${event}`)),
    );
    for (const edge of edges) expect(lines.filter((line) => line === edge)).toEqual([edge]);
    expect(lines).toHaveLength(3 + edges.length + terminalStates.length);
  });
});

function endsReachableFrom(start: (typeof jobStates)[number]): number {
  const seen = new Set([start]);
  for (const state of seen) for (const event of lifecycleEvents) for (const to of targetsOf(state, event)) seen.add(to);
  return [...seen].filter((state) => isTerminal(state)).length;
}
