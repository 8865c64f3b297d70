/** Jobs of a benchmark: submitted, and waited for by their number in a state. */
import { setTimeout as rest } from "node:timers/promises";
import type { Client } from "@windlass/sdk";

const LOOK_MS = 500;
const BATCH = 500;

export interface Load {
  readonly name: string;
  readonly count: number;
  readonly image: string;
}

export async function submitAll(api: Client, { name, count, image }: Load): Promise<void> {
  const one = { name, executor: "kubernetes" as const, labels: { load: name }, spec: { image, command: ["true"], pullPolicy: "never" } };
  for (let from = 0; from < count; from += BATCH)
    await Promise.all(Array.from({ length: Math.min(BATCH, count - from) }, () => api.jobs.submit(one)));
}

async function countOf(api: Client, name: string, states: readonly string[]): Promise<number> {
  const { items } = await api.jobs.counts({ by: "state", label: `load=${name}` });
  return items.filter(({ value }) => states.includes(value)).reduce((sum, { count }) => sum + count, 0);
}

/** Resolves with how long it took, in seconds; throws after `secondsMax`. */
export async function untilAll(api: Client, { name, count }: Load, { states, secondsMax }: Wanted): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const there = await countOf(api, name, states);
    const took = (performance.now() - begun) / 1_000;
    if (there >= count) return took;
    if (took > secondsMax) throw new Error(`${there} of ${count} jobs are ${states.join(" or ")} after ${secondsMax} s`);
    await rest(LOOK_MS);
  }
}

interface Wanted {
  readonly states: readonly string[];
  readonly secondsMax: number;
}
