/** The graph that `needs` makes: who depends on whom, what is wrong with it, and who comes before whom. */
import { assert } from "@windlass/kernel";
import { suggestion } from "./fields.ts";
import { FINDINGS_MAX, shown, type Finding, type Path } from "./finding.ts";
import type { Step } from "./workflow.ts";

export type StepPath = (index: number, ...more: (string | number)[]) => Path;

/** Names given twice, needs that are unknown, of itself or given twice, and cycles, each with the cycle named. */
export function findGraphFaults(steps: readonly Step[], stepPath: StepPath): readonly Finding[] {
  const findings: Finding[] = [];
  const numbers = new Map<string, number>();
  for (const [index, { name }] of steps.entries()) {
    const first = numbers.get(name);
    if (first === undefined) numbers.set(name, index);
    else if (name !== "")
      findings.push({ path: stepPath(index, "name"), message: `${shown(name)} is the name of steps[${first}] already` });
  }
  const names = [...numbers.keys()].filter((name) => name !== "");
  for (const [index, step] of steps.entries()) {
    if (findings.length >= FINDINGS_MAX) break;
    const seen = new Set<string>();
    for (const [place, need] of (step.needs ?? []).entries()) {
      const path = stepPath(index, "needs", place);
      if (need === step.name) findings.push({ path, message: `${shown(need)} needs itself` });
      else if (!numbers.has(need)) findings.push({ path, message: `no step is called ${shown(need)}${suggestion(need, names)}` });
      else if (seen.has(need)) findings.push({ path, message: `${shown(need)} is needed twice` });
      seen.add(need);
    }
  }
  const cycle = findings.length > 0 ? undefined : findCycle(steps, numbers);
  if (cycle !== undefined) {
    const first = numbers.get(cycle[0] ?? "") ?? 0;
    findings.push({ path: stepPath(first, "needs"), message: `these steps wait for each other: ${cycle.join(" needs ")}` });
  }
  return findings;
}

/** Some cycle, its first name again at its end; undefined when there is none. Without recursion: graphs may be deep. */
function findCycle(steps: readonly Step[], numbers: ReadonlyMap<string, number>): readonly string[] | undefined {
  const done = new Set<number>();
  for (const start of steps.keys()) {
    const trail: { index: number; next: number }[] = [{ index: start, next: 0 }];
    const onTrail = new Set<number>([start]);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const need = done.has(top.index) ? undefined : steps[top.index]?.needs?.[top.next++];
      if (need === undefined) {
        done.add(top.index);
        onTrail.delete(top.index);
        trail.pop();
        continue;
      }
      const index = numbers.get(need) ?? 0;
      if (onTrail.has(index)) {
        const loop = trail.slice(trail.findIndex((entry) => entry.index === index)).map((entry) => steps[entry.index]?.name ?? "");
        return [...loop, need];
      }
      if (done.has(index)) continue;
      onTrail.add(index);
      trail.push({ index, next: 0 });
    }
  }
  return undefined;
}

/**
 * Answers whether a step comes before another (through any number of `needs`). A bit for each pair, made once: 12 MB and
 * a fraction of a second for 10,000 steps. Only for graphs without faults.
 */
export function ancestry(steps: readonly Step[]): (before: string, after: string) => boolean {
  const numbers = new Map(steps.map(({ name }, index) => [name, index]));
  const words = Math.ceil(steps.length / 32);
  const bits = new Uint32Array(words * steps.length);
  for (const index of inOrder(steps, numbers)) {
    for (const need of steps[index]?.needs ?? []) {
      const from = numbers.get(need);
      assert(from !== undefined, "ancestry is asked of a graph without faults");
      for (let word = 0; word < words; word++) mark(bits, index * words + word, bits[from * words + word] ?? 0);
      mark(bits, index * words + (from >>> 5), 1 << (from & 31));
    }
  }
  return (before, after) => {
    const [from, to] = [numbers.get(before), numbers.get(after)];
    return from !== undefined && to !== undefined && ((bits[to * words + (from >>> 5)] ?? 0) & (1 << (from & 31))) !== 0;
  };
}

function mark(bits: Uint32Array, at: number, more: number): void {
  bits[at] = (bits[at] ?? 0) | more;
}

/** Indexes such that each step comes after all it needs. */
function inOrder(steps: readonly Step[], numbers: ReadonlyMap<string, number>): readonly number[] {
  const open = steps.map(({ needs = [] }) => needs.length);
  const dependants: number[][] = steps.map(() => []);
  for (const [index, { needs = [] }] of steps.entries()) for (const need of needs) dependants[numbers.get(need) ?? 0]?.push(index);
  const order = [...steps.keys()].filter((index) => open[index] === 0);
  for (let at = 0; at < order.length; at++) {
    for (const index of dependants[order[at] ?? 0] ?? []) {
      const left = (open[index] ?? 0) - 1;
      open[index] = left;
      if (left === 0) order.push(index);
    }
  }
  return order;
}
