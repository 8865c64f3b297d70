import { jobRecord, T0 } from "@windlass/testkit";
import { expect, test } from "vitest";
import { deadLetterOf } from "./dead-letter.ts";
import type { FinalState, JobRecord } from "./job.ts";

const end = { outcome: "failed", reason: "exit_code", message: "it broke", exitCode: 1, output: null, attempts: 3 } as const;
const final: FinalState = { ...end, state: "failed", progress: null, startedAt: T0, finishedAt: T0 + 5 };
const expired: FinalState = { ...final, state: "expired", outcome: "expired", reason: "start_deadline" };

const unmade: FinalState = { ...final, reason: "spawn_failed" };
const unkept: FinalState = { ...final, reason: "runner_failed" };

const CASES: readonly [string, Partial<JobRecord>, FinalState, { readonly queueWants: boolean; readonly dead: boolean }][] = [
  ["a handler job, as its queue says", {}, final, { queueWants: true, dead: true }],
  ["not where its queue wants none", {}, final, { queueWants: false, dead: false }],
  ["where it was submitted as one, whatever its queue says", { deadLetter: true }, final, { queueWants: false, dead: true }],
  ["not where it was submitted as none", { deadLetter: false }, final, { queueWants: true, dead: false }],
  ["not a command that somebody ran", { executor: "process" }, final, { queueWants: true, dead: false }],
  ["a command that was submitted as one", { executor: "process", deadLetter: true }, final, { queueWants: true, dead: true }],
  ["not what was not to be started late", {}, expired, { queueWants: true, dead: false }],
  ["not an execution whose step failed", { kind: "workflow", executor: "none" }, final, { queueWants: true, dead: false }],
  ["an execution of which no runner could be made", { kind: "workflow", executor: "none" }, unmade, { queueWants: true, dead: true }],
  ["an execution whose runners died", { kind: "workflow", executor: "none" }, unkept, { queueWants: true, dead: true }],
  ["not that where its queue wants none", { kind: "workflow", executor: "none" }, unkept, { queueWants: false, dead: false }],
  ["what was not started in time and was submitted as one", { deadLetter: true }, expired, { queueWants: true, dead: true }],
];

test.each(CASES.map(([what, given, ended, expected]) => [what, { given, ended, ...expected }] as const))("%s", (_what, one) => {
  const { given, ended, queueWants, dead } = one;
  const letter = deadLetterOf(jobRecord({ name: "mail", queue: "out", ...given }), ended, { deadLetters: queueWants });
  expect(letter !== null).toBe(dead);
  if (dead) expect(letter).toMatchObject({ queue: "out", name: "mail", reason: ended.reason, attempts: 3, diedAt: T0 + 5, redrives: 0 });
});
