/**
 * Runs seeds and says which fails: `node test/simulation/run.ts [first] [count] [schedules]`. Exit code 1 at the first failure.
 * With `schedules`, those of schedules over twenty days, of which one has a change of the clocks.
 */
import { runScenario } from "./scenario.ts";
import { runSchedules } from "./schedule-scenario.ts";

const first = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 100);
const sums = { jobs: 0, handlerRuns: 0, launches: 0, kills: 0 };
let seed = first;

const fail = (error: unknown): never => {
  process.stdout.write(`seed ${seed} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
};
// A promise that nobody looks after is a defect of the core, like any other.
process.on("unhandledRejection", fail);

for (; seed < first + count; seed++) {
  try {
    if (process.argv[4] === "schedules") {
      sums.jobs += (await runSchedules({ seed, timezone: "America/New_York", days: 20, start: "2024-02-25T00:00:00Z" })).jobs;
      continue;
    }
    const figures = await runScenario(seed);
    for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += figures[key];
  } catch (error) {
    fail(error);
  }
}
process.stdout.write(`seeds ${first} to ${first + count - 1} passed: ${JSON.stringify(sums)}\n`);
process.exit(0);
