/** One row of the table: one question, asked of several contenders in turn. */
import type { Contender, OpenQueue } from "./contenders/contender.ts";

/** How much is measured: `quick` only shows that everything runs. */
export type Scale = "full" | "quick";

/** Name of the figure (`""` when there is only one) and its value. */
export type Figures = Readonly<Record<string, number>>;

export interface Entrant {
  readonly name: string;
  /** What to install so that it can run, or null. */
  missing(): string | null;
  /** One measurement, on a store of its own. */
  measure(scale: Scale): Promise<Figures>;
}

export interface Row {
  /** For `--only`. */
  readonly id: string;
  readonly title: string;
  /** Of each figure; `""` for the only one. */
  readonly units: Readonly<Record<string, string>>;
  readonly entrants: readonly Entrant[];
  /** For an entrant, the other one that shows what this machine allows it at best. */
  readonly ceilings?: Readonly<Record<string, string>>;
}

/** The entrants of a row that does the same with each queue. */
export function onQueues(contenders: readonly Contender[], work: (queue: OpenQueue, scale: Scale) => Promise<Figures>): readonly Entrant[] {
  return contenders.map((contender) => ({
    name: contender.name,
    missing: () => contender.missing(),
    async measure(scale) {
      const queue = await contender.open();
      try {
        return await work(queue, scale);
      } finally {
        await queue.close();
      }
    },
  }));
}
