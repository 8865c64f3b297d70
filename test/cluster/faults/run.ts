/**
 * `npm run faults -- --rounds 3 --only watch,logs`: each fault on a real cluster that is started for it, so many times, and after
 * each what must be true of all that happened. One line for each, and a table. Exit code 1 when anything was not so.
 */
import { parseArgs } from "node:util";
import { findLab, startLab } from "@windlass/testkit/lab";
import { FAULTS } from "./faults.ts";
import { played, type FaultReport } from "./play-fault.ts";

type Report = FaultReport & { readonly seconds: number };

const { values } = parseArgs({ options: { rounds: { type: "string", default: "3" }, only: { type: "string", default: "" } } });
const wanted = values.only.split(",").filter((word) => word !== "");
const faults = FAULTS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
const found = findLab(process.env);
if (typeof found === "string") throw new Error(found);
const lab = await startLab(found);
const reports = new Map<string, Report[]>();
try {
  for (let round = 1; round <= Number(values.rounds); round++)
    for (const fault of faults) {
      const began = performance.now();
      const report = { ...(await played(fault, lab.address)), seconds: Math.round((performance.now() - began) / 1000) };
      reports.set(fault.name, [...(reports.get(fault.name) ?? []), report]);
      say(`round ${round} ${report.violations.length === 0 ? "ok  " : "FAIL"} ${fault.name} (${report.seconds} s)`);
      for (const violation of report.violations) say(`  ! ${violation}`);
    }
} finally {
  await lab.stop();
}
say("\n| fault | rounds | as it must be | jobs | attempts | violations | s, median |\n|---|---|---|---|---|---|---|");
for (const [name, list] of reports) {
  const sum = (of: (report: Report) => number): number => list.reduce((total, report) => total + of(report), 0);
  const right = list.filter(({ violations }) => violations.length === 0).length;
  const median = list.map(({ seconds }) => seconds).toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
  say(
    `| ${name} | ${list.length} | ${right} | ${sum(({ jobs }) => jobs)} | ${sum(({ attempts }) => attempts)} | ${sum(({ violations }) => violations.length)} | ${median} |`,
  );
}
process.exit([...reports.values()].flat().every(({ violations }) => violations.length === 0) ? 0 : 1);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
