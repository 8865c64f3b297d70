/**
 * How soon what is due is queued, how punctual its handlers are, and what schedules cost that are not due: `npm run
 * bench:schedules`. The dispatcher is the one that every server has. Beside it the schedulers of BullMQ and of graphile-worker. And
 * what the queue between dispatcher and spawner takes and hands out, beside plain clients of its brokers.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runAndCleanUp } from "./cleanup.ts";
import { open, openOnPostgres, type OpenWindlass } from "./contenders/windlass-embedded.ts";
import { machine } from "./machine.ts";
import { machineLines } from "./report.ts";
import { dueAtOnce } from "./schedules/due-at-once.ts";
import { idleSchedules } from "./schedules/idle-schedules.ts";
import { latenessOf, PUNCTUAL } from "./schedules/lateness.ts";
import { QUEUES } from "./schedules/queues.ts";
import { hasPostgres, POSTGRES_MISSING } from "./servers/postgres.ts";

const HELP = `npm run bench:schedules -- [options]
  --only <due,lateness,idle,queues>   all of them
  --due <counts>               10000,100000 schedules that are due in the same second
  --rounds <n>                 3, of those and of the queues
  --lateness <count>           10000 schedules of each minute
  --minutes <n>                10, over which their lateness is taken
  --idle <count>               100000 schedules that are due next year
  --notices <count>            20000, that are sent to a queue and taken from it
  --entrants <words>           only those whose names have one of them
  --json <file>                the figures as JSON, too
`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "due,lateness,idle,queues" },
    due: { type: "string", default: "10000,100000" },
    rounds: { type: "string", default: "3" },
    lateness: { type: "string", default: "10000" },
    minutes: { type: "string", default: "10" },
    idle: { type: "string", default: "100000" },
    notices: { type: "string", default: "20000" },
    entrants: { type: "string", default: "" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
const IDLE_MS = 60_000;
const words = options.entrants.split(",");
const isIn = (name: string): boolean => words.some((word) => name.includes(word));
const figures: { readonly what: string; readonly entrant: string; readonly value: number; readonly unit: string }[] = [];

const STORES: readonly { readonly name: string; readonly missing: () => string | null; readonly open: () => Promise<OpenWindlass> }[] = [
  { name: "windlass sqlite", missing: () => null, open: () => open({}) },
  { name: "windlass postgres", missing: () => (hasPostgres() ? null : POSTGRES_MISSING), open: openOnPostgres },
];

if (options.help) say(HELP);
else await runAndCleanUp(measure);

async function measure(): Promise<void> {
  const facts = machine();
  say(...machineLines(facts), "");
  const asked = new Set(options.only.split(","));
  if (asked.has("due")) for (const count of options.due.split(",").map(Number)) await due(count);
  if (asked.has("lateness")) await lateness(Number(options.lateness), Number(options.minutes));
  if (asked.has("idle")) await idle(Number(options.idle));
  if (asked.has("queues")) await queues(Number(options.notices), Number(options.rounds));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine: facts, figures }, null, 2)}\n`);
}

async function due(count: number): Promise<void> {
  for (const store of STORES)
    await entrant(store, async () => {
      for (let round = 0; round < Number(options.rounds); round++) {
        const queue = await store.open();
        const { ms, processorMs } = await dueAtOnce(queue.windlass.engine, count);
        tell(`${count} due in the same second, until all are queued`, store.name, { value: ms, unit: "ms" });
        tell(`${count} due in the same second, processor time of this process`, store.name, { value: processorMs, unit: "ms" });
        await queue.close();
      }
    });
}

async function lateness(count: number, minutes: number): Promise<void> {
  for (const contender of PUNCTUAL)
    await entrant(contender, async () => {
      const late = await latenessOf(contender, { count, minutes });
      for (const [figure, value] of Object.entries(late))
        tell(`${count} of each minute, ${minutes} minutes: ${figure}`, contender.name, { value, unit: "" });
    });
}

async function idle(count: number): Promise<void> {
  for (const store of STORES)
    await entrant(store, async () => {
      const queue = await store.open();
      const value = await idleSchedules(queue.windlass.engine, { count, watchedMs: IDLE_MS });
      tell(`${count} that are not due, processor time`, store.name, { value, unit: "% of a core" });
      await queue.close();
    });
}

/** In turn, so that what else the machine does meets all of them. */
async function queues(count: number, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const queue of QUEUES)
      await entrant(queue, async () => {
        const { sent, taken } = await queue.measure(count);
        tell(`${count} notices, sent`, queue.name, { value: sent, unit: "a second" });
        tell(`${count} notices, received and acknowledged`, queue.name, { value: taken, unit: "a second" });
      });
}

async function entrant(
  { name, missing }: { readonly name: string; readonly missing: () => string | null },
  work: () => Promise<void>,
): Promise<void> {
  if (!isIn(name)) return;
  const why = missing();
  if (why === null) await work();
  else say(`${name} is left out: ${why}`);
}

function tell(what: string, entrantName: string, { value, unit }: { readonly value: number; readonly unit: string }): void {
  figures.push({ what, entrant: entrantName, value, unit });
  const shown = value < 10 ? value.toFixed(2) : String(Math.round(value));
  say(`${what.padEnd(62)} ${entrantName.padEnd(34)} ${shown} ${unit}`);
}

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}
