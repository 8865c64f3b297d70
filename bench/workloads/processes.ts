/** Processes of the executor `process` from submit to settled, `/bin/true`, as many at once as the setting allows (16). */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { endsLater } from "../cleanup.ts";
import { open } from "../contenders/windlass-embedded.ts";
import type { Entrant } from "../row.ts";

const COUNT = { full: 500, quick: 20 } as const;
const TRUE = { kind: "task", name: "true", executor: "process", spec: { command: ["/bin/true"] } } as const;

export const processes: Entrant = {
  name: "windlass embedded",
  missing: () => null,
  async measure(scale) {
    const count = COUNT[scale];
    const queue = await open({});
    const endSupervisor = endsLater(() => supervisorEnded(queue.folder));
    const { jobs } = queue.windlass.engine;
    const from = performance.now();
    const submitted = await jobs.submitMany(Array.from({ length: count }, () => TRUE));
    for (const one of submitted) {
      if (one instanceof Error) throw one;
      await jobs.wait(one.id);
    }
    const seconds = (performance.now() - from) / 1_000;
    await queue.windlass.close();
    await endSupervisor();
    await queue.remove();
    return { "": count / seconds };
  },
};

const LOOK_MS = 10;
/** Five seconds; a process that has ended may still be listed. */
const LOOKS_MAX = 500;

/** It outlasts the program that started it, and would wait for work for a while. */
async function supervisorEnded(folder: string): Promise<void> {
  const file = join(folder, "supervisor", "pid");
  if (!existsSync(file)) return;
  process.kill(Number(readFileSync(file, "utf8")), "SIGTERM");
  // It removes the file as the last thing it does.
  for (let looks = 0; looks < LOOKS_MAX && existsSync(file); looks++) await rest(LOOK_MS);
}
