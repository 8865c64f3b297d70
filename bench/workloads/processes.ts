/** Processes of the executor `process` from submit to settled, `/bin/true`, as many at once as the setting allows (16). */
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
    const { jobs } = queue.windlass.engine;
    const from = performance.now();
    const submitted = await jobs.submitMany(Array.from({ length: count }, () => TRUE));
    for (const one of submitted) {
      if (one instanceof Error) throw one;
      await jobs.wait(one.id);
    }
    const seconds = (performance.now() - from) / 1_000;
    await queue.close();
    return { "": count / seconds };
  },
};
