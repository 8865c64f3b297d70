/** No two files load each other: a cycle of imports makes what a name holds depend on who was loaded first. */
import { expect, test } from "vitest";
import { eagerTargets } from "./module-graph.ts";
import { sourceFiles } from "./source-files.ts";

const targets = new Map(
  sourceFiles().map((file) => [file.path, eagerTargets(file).flatMap((target) => (target.type === "file" ? [target.path] : []))]),
);

test("imports between our files are seen", () => {
  expect([...targets.values()].flat().length).toBeGreaterThan(50);
});

test("no file imports itself, by whatever way around", () => {
  expect(cyclesIn(targets)).toEqual([]);
});

test("a cycle is found and told once", () => {
  const cycles = cyclesIn(
    new Map([
      ["a", ["b"]],
      ["b", ["c"]],
      ["c", ["a", "d"]],
      ["d", []],
    ]),
  );
  expect(cycles).toEqual(["a → b → c → a"]);
});

function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): void => {
    const at = path.indexOf(node);
    if (at !== -1) cycles.push([...path.slice(at), node].join(" → "));
    if (at !== -1 || done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return cycles;
}
