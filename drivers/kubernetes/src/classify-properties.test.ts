/** What holds of every verdict, at every moment of what a real cluster told. */
import { outcomes, reasons, stateOf } from "@windlass/kernel";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { classify, type Verdict } from "./classify.ts";
import type { JobFacts } from "./facts.ts";
import { RECORDED, RECORDED_AT, remembered, stepsOf } from "./recorded-deaths-fixture.ts";

describe("whatever was seen", () => {
  const names = [...RECORDED.keys()];
  const cut = fc.constantFrom(...names).chain((name) => fc.tuple(fc.constant(name), fc.nat(stepsOf(name).length)));
  const known = cut.map(([name, count]) => {
    let steps = 0;
    return remembered(name, () => steps++ <= count).facts("uid-1");
  });
  const facts = known.filter((one): one is JobFacts => one !== null);
  const now = fc.integer({ min: 0, max: 900_000 }).map((after) => RECORDED_AT + after);

  test("the verdict is one of the kernel's words, and says when to look again only in the future", () => {
    fc.assert(
      fc.property(facts, now, (one, time) => {
        const verdict = classify(one, time);
        if (verdict.isFinal)
          expect([outcomes, reasons]).toEqual([expect.arrayContaining([verdict.outcome]), expect.arrayContaining([verdict.reason])]);
        else expect(verdict.recheckAt ?? time + 1).toBeGreaterThan(time);
        expect(JSON.stringify(verdict.evidence).length).toBeLessThan(60_000);
      }),
    );
  });

  test("a complete Job has succeeded", () => {
    fc.assert(
      fc.property(facts, now, (one, time) => {
        const complete = { type: "Complete", status: "True", reason: "", message: null, since: RECORDED_AT };
        const verdict = classify({ ...one, job: { ...one.job, conditions: [complete, ...one.job.conditions] } }, time);
        expect(verdict.isFinal && verdict.outcome).toBe("succeeded");
      }),
    );
  });

  test("the order in which pods, events, nodes and conditions are listed says nothing", () => {
    const shuffled = facts.chain((one) =>
      fc.tuple(
        fc.constant(one),
        fc.record({
          pods: fc.shuffledSubarray([...one.pods], { minLength: one.pods.length }),
          events: fc.shuffledSubarray([...one.events], { minLength: one.events.length }),
          nodes: fc.constant(one.nodes?.toReversed() ?? null),
          conditions: fc.shuffledSubarray([...one.job.conditions], { minLength: one.job.conditions.length }),
        }),
      ),
    );
    fc.assert(
      fc.property(shuffled, now, ([one, { conditions, ...other }], time) => {
        const { evidence: _, ...first } = classify(one, time);
        const { evidence: __, ...second } = classify({ ...one, ...other, job: { ...one.job, conditions } }, time);
        expect(second).toEqual(first);
      }),
    );
  });

  test("what is remembered of pods never makes the outcome say less", () => {
    const general = ["failed_outside", "vanished_unobserved"];
    fc.assert(
      fc.property(facts, now, (one, time) => {
        const ended = (verdict: Verdict): string | null => (verdict.isFinal ? verdict.reason : null);
        const without = ended(classify({ ...one, pods: [], events: [] }, time));
        const withAll = ended(classify(one, time));
        if (without !== null && !general.includes(without)) expect(general).not.toContain(withAll);
        const hasFailed = one.job.conditions.some(({ type }) => type === "Failed");
        if (hasFailed) expect(withAll).not.toBeNull();
      }),
    );
  });

  test("an end that was told stays one of the same state as more is told, until its pod comes back", () => {
    const changed = names
      .filter((name) => name !== "node-lost")
      .flatMap((name) => {
        const states = statesOf(name).filter((state) => state !== null);
        return new Set(states).size > 1 ? [`${name}: ${states.join(", ")}`] : [];
      });
    expect(changed).toEqual([]);
  });
});

/** The terminal state after each step of a recording; null: it goes on. */
function statesOf(name: string): readonly (string | null)[] {
  return stepsOf(name).map(({ at }, index) => {
    let told = 0;
    const seen = remembered(name, () => told++ <= index).facts("uid-1");
    const verdict = seen === null ? null : classify(seen, RECORDED_AT + at);
    return verdict?.isFinal === true ? stateOf(verdict.outcome) : null;
  });
}
