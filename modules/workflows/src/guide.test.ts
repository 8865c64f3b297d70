/** The guide says what is true: its example is a valid file, its table is the one in the code. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { outcomes } from "@windlass/kernel";
import { parseWorkflow } from "./parse-workflow.ts";
import { holds, PREDICATES } from "./predicates.ts";

const guide = readFileSync(new URL("../../../docs/guides/workflows.md", import.meta.url), "utf8");

test("the example of the guide is a valid workflow", () => {
  const text = /```yaml\n([\s\S]*?)```/u.exec(guide)?.[1] ?? "";
  const parsed = parseWorkflow(text);
  expect("faults" in parsed ? parsed.faults : []).toEqual([]);
});

test("the guide's table of outcomes is the one that conditions use", () => {
  const rows = guide.split("\n").filter((line) => /^\| `(succeeded|failed|cancelled|expired|skipped)`/u.test(line));
  const said = rows.flatMap((row) => {
    const [names = "", ...cells] = row.split("|").slice(1, -1);
    return [...names.matchAll(/`(\w+)`/gu)].map((match) => [match[1], ...cells.map((cell) => cell.trim() === "true")]);
  });
  expect(said).toEqual(outcomes.map((outcome) => [outcome, ...PREDICATES.map((predicate) => holds(predicate, outcome))]));
});
