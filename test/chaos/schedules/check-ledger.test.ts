/** The checker of schedules finds each thing that it is there to find, and nothing in a history that is right. */
import { expect, test } from "vitest";
import { violationsOfLedger, type TickHistory } from "./check-ledger.ts";
import { dueTimes, planTicks, readTickEffects } from "./ticks.ts";

const [tick] = planTicks(1) as readonly [ReturnType<typeof planTicks>[number]];
const AT = ["2026-11-29T06:00:20.000Z", "2026-11-29T06:00:40.000Z"] as const;
const row = (i: 0 | 1) => ({ nominalAt: AT[i], count: 1, decision: "fired", reason: "due", message: null, jobId: `job_e${i}` }) as const;
const execution = (i: 0 | 1) => ({
  id: `job_e${i}`,
  schedule: "tick-0",
  outcome: "succeeded",
  reason: "ok",
  step: { id: `job_s${i}`, attempts: 1 },
});
const effect = (i: 0 | 1) => ({ schedule: "tick-0", nominalAt: Date.parse(AT[i]), job: `job_s${i}`, attempt: 1 });

const right: TickHistory = {
  schedules: [{ tick, from: Date.parse("2026-11-29T06:00:05Z"), until: Date.parse("2026-11-29T06:00:45Z"), rows: [row(0), row(1)] }],
  executions: [execution(0), execution(1)],
  effects: [effect(0), effect(1)],
  deadLetters: new Map(),
};
const withRows = (rows: TickHistory["schedules"][number]["rows"]): TickHistory => ({
  ...right,
  schedules: right.schedules.map((schedule) => ({ ...schedule, rows })),
});

test("a history that is right has no violation", () => {
  expect(violationsOfLedger(right)).toEqual([]);
});

test.each<[string, TickHistory, readonly string[]]>([
  ["a time without a row", withRows([row(0)]), [`T1: tick-0 at ${AT[1]} has no row`, "T2: job_e1 of tick-0 is in no row"]],
  [
    "a time with two rows",
    withRows([row(0), row(1), row(1)]),
    [`T1: tick-0 at ${AT[1]} has two rows`, expect.stringMatching(/^T2: job_e1 is the execution of/u)],
  ],
  [
    "a row of no time",
    withRows([row(0), row(1), { ...row(1), nominalAt: "2026-11-29T06:00:41.000Z" }]),
    [expect.stringContaining("was not due"), expect.stringContaining("T2")],
  ],
  [
    "a row without an execution",
    withRows([row(0), { ...row(1), decision: "missed", jobId: null }]),
    [expect.stringContaining("is missed"), "T2: job_e1 of tick-0 is in no row"],
  ],
  [
    "an execution twice",
    { ...right, executions: [...right.executions, { ...execution(1), id: "job_e2" }] },
    ["T2: job_e2 of tick-0 is in no row"],
  ],
  [
    "one that has not ended",
    { ...right, executions: [execution(0), { ...execution(1), outcome: null }] },
    [expect.stringContaining("has not ended")],
  ],
  [
    "a failure that nobody is told",
    { ...right, executions: [execution(0), { ...execution(1), outcome: "failed" }] },
    [expect.stringContaining("no dead letter")],
  ],
  ["work done twice", { ...right, effects: [...right.effects, effect(1)] }, ["T4: attempt 1 of job_s1 did its work twice"]],
  ["work that was not done", { ...right, effects: [effect(0)] }, ["T4: job_e1 succeeded and did no work"]],
  [
    "work for another time",
    { ...right, effects: [effect(0), { ...effect(1), nominalAt: 0 }] },
    [expect.stringContaining("not the time of its row")],
  ],
  [
    "work of nobody",
    { ...right, effects: [...right.effects, { ...effect(1), job: "job_x" }] },
    ["T4: attempt 1 of job_x is of no execution of a schedule"],
  ],
])("%s is found", (_what, history, expected) => {
  expect(violationsOfLedger(history)).toEqual(expect.arrayContaining([...expected]));
});

test("a failure that lies with the dead letters is explained", () => {
  const executions = [execution(0), { ...execution(1), outcome: "failed", reason: "runner_failed" }];
  expect(violationsOfLedger({ ...right, executions, deadLetters: new Map([["job_e1", "runner_failed"]]) })).toEqual([]);
});

test("when a schedule is due is arithmetic, and a line of effects is read", () => {
  const iso = (times: readonly number[]): string[] => times.map((at) => new Date(at).toISOString());
  expect(iso(dueTimes(tick, Date.parse(AT[0]), Date.parse(AT[1])))).toEqual([AT[1]]);
  expect(readTickEffects(`tick-0 ${AT[0]} job_s0 1\n`)).toEqual([effect(0)]);
  expect(() => readTickEffects("half a li")).toThrow("half a li");
});
