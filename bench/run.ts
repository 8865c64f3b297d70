/**
 * Windlass beside its peers on this machine: `npm run bench`; its workflows: `npm run bench:workflows`. One run, the entrants of a row in turn (A B C A B C …), so
 * that whatever else the machine does meets all of them; the median of the rounds with the lowest and the highest.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runAndCleanUp } from "./cleanup.ts";
import { machine } from "./machine.ts";
import { machineLines, rowLines, summary, type Series, type Skipped } from "./report.ts";
import type { Row, Scale } from "./row.ts";
import { ROWS } from "./rows.ts";
import { WORKFLOW_ROWS } from "./workflow-rows.ts";

const TABLES: Readonly<Record<string, readonly Row[]>> = { queues: ROWS, workflows: WORKFLOW_ROWS };

const HELP = `npm run bench -- [options]
  --table <name>        queues; workflows: what npm run bench:workflows measures, with the rows ${WORKFLOW_ROWS.map((row) => row.id).join(" ")}
  --only <row,row>      ${ROWS.map((row) => row.id).join(" ")}
  --entrants <name,…>   only those whose name has one of these words
  --rounds <n>          3
  --quick               one short round: shows that everything runs, measures nothing
  --json <file>         the figures of every round as JSON, too (- is standard output, and then nothing else is printed there)
`;

const { values: options } = parseArgs({
  options: {
    table: { type: "string", default: "queues" },
    only: { type: "string" },
    entrants: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const table = TABLES[options.table] ?? [];
const scale: Scale = options.quick ? "quick" : "full";
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3));
const out = options.json === "-" ? process.stderr : process.stdout;
const say = (...lines: readonly string[]): void => void out.write(`${lines.join("\n")}\n`);

if (options.help) say(HELP);
else await runAndCleanUp(run);

async function run(): Promise<void> {
  const facts = machine();
  say(...machineLines(facts), "");
  const series: Series[] = [];
  const skipped: Skipped[] = [];
  const why = new Set<string>();
  for (const row of chosen()) {
    for (const entrant of row.entrants) {
      const missing = entrant.missing();
      if (missing === null) continue;
      skipped.push({ row: row.id, entrant: entrant.name, why: missing });
      if (!why.has(missing)) say(`skipped: ${missing}`, "");
      why.add(missing);
    }
    series.push(...(await measure(row)));
    say(...rowLines(row, series), "");
  }
  if (options.json === undefined) return;
  const results = series.map((one) => ({ ...one, ...summary(one.values), unit: unitOf(one) }));
  const text = `${JSON.stringify({ at: new Date().toISOString(), scale, rounds, machine: facts, results, skipped }, null, 2)}\n`;
  if (options.json === "-") process.stdout.write(text);
  else writeFileSync(options.json, text);
}

function chosen(): readonly Row[] {
  if (table.length === 0) throw new Error(`--table is "${options.table}"; it must be ${Object.keys(TABLES).join(" or ")}`);
  const ids = options.only?.split(",");
  const unknown = ids?.filter((id) => !table.some((row) => row.id === id)) ?? [];
  if (unknown.length > 0) throw new Error(`there is no row ${unknown.join(", ")}; the rows are ${table.map((row) => row.id).join(", ")}`);
  const words = options.entrants?.split(",");
  return table
    .filter((row) => ids?.includes(row.id) ?? true)
    .map((row) => ({ ...row, entrants: row.entrants.filter(({ name }) => words?.some((word) => name.includes(word)) ?? true) }))
    .filter((row) => row.entrants.length > 0);
}

async function measure(row: Row): Promise<readonly Series[]> {
  const values = new Map<string, number[]>();
  const entrants = row.entrants.filter((entrant) => entrant.missing() === null);
  for (let round = 0; round < rounds; round++)
    for (const entrant of entrants)
      for (const [figure, value] of Object.entries(await entrant.measure(scale))) {
        const key = `${entrant.name}\n${figure}`;
        values.set(key, [...(values.get(key) ?? []), value]);
      }
  return [...values].map(([key, list]) => {
    const [entrant = "", figure = ""] = key.split("\n");
    return { row: row.id, entrant, figure, values: list };
  });
}

function unitOf({ row, figure }: Series): string {
  return table.find(({ id }) => id === row)?.units[figure] ?? "";
}
