/**
 * `npm run chaos -- --store sqlite|postgres --rounds 20 --seed 1`: rounds of real processes that are killed and frozen,
 * one line each. With `--executions 50` workflows of ten steps and nothing else are submitted. Round n has the seed `seed + n - 1`. Exit code 1 when anything was violated.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { playRound, type RoundReport } from "./round.ts";

const { values } = parseArgs({
  options: {
    store: { type: "string", default: "sqlite" },
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    jobs: { type: "string", default: "300" },
    executions: { type: "string" },
    seconds: { type: "string", default: "25" },
  },
});

if (values.store !== "sqlite" && values.store !== "postgres")
  throw new Error(`--store is "${values.store}"; it must be sqlite or postgres`);
const folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
const postgres = values.store === "postgres" ? await openPostgres() : null;
// Programs end with this one (kept-program.ts); supervisors leave when they have nothing to hold.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void Promise.resolve(postgres?.stop()).finally(() => process.exit(130)));
const reports: RoundReport[] = [];
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    const report = await playRound({
      seed: Number(values.seed) + round - 1,
      load: values.executions === undefined ? { jobs: Number(values.jobs) } : { executions: Number(values.executions) },
      durationMs: Number(values.seconds) * 1000,
      folder: join(folder, `round-${round}`),
      cacheFolder: join(folder, "cache"),
      postgres,
    });
    reports.push(report);
    say(`${values.store} round ${round} ${lineOf(report)}`);
    for (const violation of report.violations) say(`  ! ${violation}`);
  }
} finally {
  await postgres?.stop();
}
const bad = reports.filter(({ violations }) => violations.length > 0);
if (bad.length === 0) rmSync(folder, { recursive: true, force: true });
else say(`logs and data of the rounds with violations are in ${folder}`);
say(
  `${values.store}: ${reports.length} rounds, ${bad.length} with violations${bad.map(({ seed }) => ` seed ${seed}`).join()}; ${listOf(sum(reports.map(({ figures }) => figures)))}; ${listOf(sum(reports.map(({ strikes }) => strikes)))}`,
);
process.exit(bad.length === 0 ? 0 : 1);

async function openPostgres(): Promise<PostgresServer> {
  const programs = findPostgres(process.env);
  if (programs === null) throw new Error("PostgreSQL is not installed: neither /usr/lib/postgresql nor PATH has initdb, postgres and psql");
  return startPostgres(programs);
}

function lineOf({ seed, figures, strikes, outcomes, violations }: RoundReport): string {
  return `seed ${seed}: ${violations.length === 0 ? "ok" : `${violations.length} VIOLATIONS`}; ${listOf(figures)}; ${listOf(outcomes)}; ${listOf(strikes)}`;
}

function listOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

function sum(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  return total;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
