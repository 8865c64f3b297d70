/** Outputs that are not passed on: who reads them. */
import { expect, test } from "vitest";
import { evaluateIn } from "./scope.ts";
import { readFacts } from "./step-facts.ts";

const LARGE = 600_000;
const refOf = (key: string) => ({ of: `job_${key}`, length: LARGE });
const outcomeOf = { outcome: "succeeded", reason: "ok", exitCode: 0, output: null, error: null } as const;

test.each([
  ["failed(big)", false],
  ["!(steps['big'].outcome == 'succeeded')", false],
  ["big['exit_code'] == 1 || has(big.error) && big.reason != 'ok'", false],
  ["[1].exists(n, failed(steps.big))", false],
  ["big.output.rows == 1", true],
  ["big.rows == 1", true],
  ["steps['big']['rows'] == 1 && succeeded(big)", true],
  ["has(big.output)", true],
  ["size(big) == 7", true],
  ["[big].exists(step, step.rows == 1)", true],
])("%s reads the output: %s", (text, reads) => {
  const asked: string[] = [];
  const facts = readFacts({ ...outcomeOf, outputRef: refOf("big") }, (refs) => {
    asked.push(...refs.map(({ of }) => of));
    return [{ rows: 1 }];
  });
  const job = { id: "job", name: "test", attempt: 1 };
  const result = evaluateIn({ inputs: {}, doubles: [], job, step: (name) => (name === "big" ? facts : undefined) })(text);
  expect([result, [...new Set(asked)]]).toEqual([{ ok: true, value: reads }, reads ? ["job_big"] : []]);
});
