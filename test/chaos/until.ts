/** Waits until something is so, by looking: for what happens in other processes, which tell nobody. */
import { setTimeout as rest } from "node:timers/promises";

const LOOK_MS = 50;

export async function until(holds: () => boolean | Promise<boolean>, patienceMs: number): Promise<void> {
  const begun = performance.now();
  while (!(await holds())) {
    if (performance.now() - begun > patienceMs) throw new Error(`it was not so within ${patienceMs} ms`);
    await rest(LOOK_MS);
  }
}
