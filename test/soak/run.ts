/**
 * `npm run soak -- --minutes 60 --store sqlite|postgres`: load for so long, a line each ten seconds, a table at the end.
 * Exit code 1 when something is not flat (verdict.ts has the rule) or a request failed.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findPostgres, startPostgres } from "@windlass/testkit/postgres";
import { soak } from "./soak.ts";
import { MEASURES, tableOf, type MeasureName } from "./verdict.ts";

const INTERVAL_MS = 10_000;
const MIB = 1024 ** 2;

const { values } = parseArgs({ options: { minutes: { type: "string", default: "60" }, store: { type: "string", default: "sqlite" } } });
if (values.store !== "sqlite" && values.store !== "postgres")
  throw new Error(`--store is "${values.store}"; it must be sqlite or postgres`);
const minutes = Number(values.minutes);
if (!(minutes >= 3)) throw new Error(`--minutes is "${values.minutes}"; it must be at least 3, for what has ended goes after one`);

const programs = values.store === "postgres" ? findPostgres(process.env) : null;
if (values.store === "postgres" && programs === null) throw new Error("PostgreSQL is not installed");
const postgres = programs === null ? null : await startPostgres(programs, { fsync: true });
const store = postgres === null ? "" : await postgres.database();
// The server ends with this program; its supervisor leaves when it has nothing to hold.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void Promise.resolve(postgres?.stop()).finally(() => process.exit(130)));
const folder = mkdtempSync(join(tmpdir(), "windlass-soak-"));
const names = Object.keys(MEASURES) as MeasureName[];
try {
  say(`minutes; ${names.join("; ")}; lag ms; submitted and finished so far`);
  const report = await soak({
    durationMs: minutes * 60_000,
    intervalMs: INTERVAL_MS,
    folder,
    store,
    postgresFolder: postgres === null ? null : join(new URL(store.replace("@/", "@local/")).searchParams.get("host") ?? "", "data"),
    onSample: ({ at, values }, { lagMs, counts }) => {
      const cells = names.map((name) => shown(name, values[name]));
      say(`${(at / 60_000).toFixed(2)}; ${cells.join("; ")}; ${lagMs.toFixed(0)}; ${counts.submitted}, ${counts.finished}`);
    },
  });
  say(tableOf(report.verdicts));
  const done = Object.entries(report.counts).map(([name, count]) => `${count} ${name}`);
  say(`${minutes} minutes on ${values.store}: ${done.join(", ")}; the event loop was held up for ${report.lagMsMax.toFixed(0)} ms at most`);
  for (const fault of report.faults) say(`! ${fault}`);
  process.exitCode = report.faults.length > 0 || report.verdicts.some(({ flat }) => !flat) ? 1 : 0;
} finally {
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
}

function shown(name: MeasureName, value: number | null): string {
  if (value === null) return "-";
  return MEASURES[name].unit === "MiB" ? (value / MIB).toFixed(1) : String(value);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
