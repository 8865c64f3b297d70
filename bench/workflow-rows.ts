/** What `npm run bench:workflows` measures. What each row means: docs/performance.md. */
import { windlassEmbedded, windlassPostgres } from "./contenders/windlass-embedded.ts";
import type { OpenWindlass } from "./contenders/windlass-embedded.ts";
import { onQueues, type Figures, type Row, type Scale } from "./row.ts";
import { largeExecution, manyExecutions, wideLoop } from "./workloads/executions.ts";

const EXECUTIONS = { full: 1_000, quick: 5 } as const;
const ITEMS = { full: 1_000, quick: 20 } as const;
const STEPS = { full: 10_000, quick: 100 } as const;

export const WORKFLOW_ROWS: readonly Row[] = [
  {
    id: "ten-steps",
    title: "1,000 executions of 10 handler steps, submitted at once",
    units: { executions: "executions/s", steps: "steps/s" },
    entrants: entrants(EXECUTIONS, manyExecutions),
  },
  { id: "foreach", title: "a loop over 1,000 items, all at once", units: { "": "ms" }, entrants: entrants(ITEMS, wideLoop) },
  {
    id: "large",
    title: "one execution of 10,000 steps, in 100 chains",
    units: { wall: "s", "first tenth": "µs a step", "middle tenth": "µs a step", "last tenth": "µs a step", memory: "MB at most" },
    entrants: entrants(STEPS, largeExecution),
  },
];

function entrants(
  counts: Readonly<Record<Scale, number>>,
  measure: (queue: OpenWindlass, count: number) => Promise<Figures>,
): Row["entrants"] {
  return onQueues([windlassEmbedded, windlassPostgres], (queue, scale) => measure(queue as OpenWindlass, counts[scale]));
}
