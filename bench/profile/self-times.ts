/** What a thread spent its time on: the functions with the most time of their own, as shares of the profile. Pure. */
import type { Profiler } from "node:inspector";
import { basename } from "node:path";

export interface SelfTime {
  readonly what: string;
  readonly ms: number;
  /** Of the whole time, idle time included: 1 is all of it. */
  readonly share: number;
}

/** Functions of Node itself and of V8 have no file of ours: they are told by who called them. */
const OWN_FILE = /^file:\/\//u;

export function selfTimes({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, limit: number): readonly SelfTime[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const names = new Map<number, string>();
  const nameOf = (id: number): string => {
    const known = names.get(id);
    if (known !== undefined) return known;
    const frame = byId.get(id)?.callFrame;
    const own = frame === undefined ? "?" : frameName(frame);
    const caller = frame === undefined || OWN_FILE.test(frame.url) ? undefined : callerOf(id, { byId, parents });
    const name = caller === undefined ? own : `${own} ← ${caller}`;
    names.set(id, name);
    return name;
  };
  const totals = new Map<string, number>();
  let whole = 0;
  // A delta is the time between the sample before and its own: what is seen now has run since the last look.
  samples.forEach((id, index) => {
    const us = Math.max(0, timeDeltas[index] ?? 0);
    whole += us;
    totals.set(nameOf(id), (totals.get(nameOf(id)) ?? 0) + us);
  });
  return [...totals]
    .map(([what, us]) => ({ what, ms: us / 1_000, share: whole === 0 ? 0 : us / whole }))
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, limit);
}

function frameName({ functionName, url, lineNumber }: Profiler.Profile["nodes"][number]["callFrame"]): string {
  const name = functionName === "" ? "(anonymous)" : functionName;
  return url === "" ? name : `${name} ${OWN_FILE.test(url) ? `${basename(url)}:${lineNumber + 1}` : url}`;
}

interface Tree {
  readonly byId: ReadonlyMap<number, Profiler.Profile["nodes"][number]>;
  readonly parents: ReadonlyMap<number, number>;
}

/** The nearest function with a file of its own above. */
function callerOf(id: number, { byId, parents }: Tree): string | undefined {
  for (let up = parents.get(id); up !== undefined; up = parents.get(up)) {
    const frame = byId.get(up)?.callFrame;
    if (frame !== undefined && OWN_FILE.test(frame.url)) return frameName(frame);
  }
  return undefined;
}
