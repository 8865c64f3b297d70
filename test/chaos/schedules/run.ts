/**
 * `npm run chaos:schedules -- --minutes 10 --seed 1`: a round of schedules whose programs, runners and database are killed and frozen
 * for so long. Exit code 1 when anything was violated.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { testNats } from "@windlass/testkit/nats";
import { findPostgres, startPostgres } from "@windlass/testkit/postgres";
import { playScheduleRound } from "./schedule-round.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    schedules: { type: "string", default: "20" },
  },
});
const programs = findPostgres(process.env);
if (programs === null) throw new Error("PostgreSQL is not installed: neither /usr/lib/postgresql nor PATH has initdb, postgres and psql");
const folder = mkdtempSync(join(tmpdir(), "windlass-chaos-"));
const postgres = await startPostgres(programs);
const nats = await testNats({ ...process.env, CI: "true" }).start();
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void Promise.all([nats.stop(), postgres.stop()]).finally(() => process.exit(130)));
const seed = Number(values.seed);
try {
  const { figures, strikes, violations } = await playScheduleRound({
    seed,
    schedules: Number(values.schedules),
    durationMs: Number(values.minutes) * 60_000,
    folder: join(folder, "round"),
    cacheFolder: join(folder, "cache"),
    postgres,
    nats,
  });
  say(`seed ${seed}: ${violations.length === 0 ? "ok" : `${violations.length} VIOLATIONS`}`);
  for (const violation of violations) say(`  ! ${violation}`);
  for (const [what, count] of Object.entries({ ...figures, ...strikes })) say(`  ${what}: ${count}`);
  if (violations.length === 0) rmSync(folder, { recursive: true, force: true });
  else say(`logs are in ${folder}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
} finally {
  await nats.stop();
  await postgres.stop();
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
