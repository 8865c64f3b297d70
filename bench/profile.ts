/**
 * Where the time goes: `npm run bench:profile`. Profiles every thread of an embedded Windlass during one workload, and
 * prints for each the functions with the most time of their own; with `--statements`, the statements of SQLite instead.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BroadcastChannel } from "node:worker_threads";
import { runAndCleanUp } from "./cleanup.ts";
import { open, openOnPostgres } from "./contenders/windlass-embedded.ts";
import { CHANNEL, type StatementTime } from "./profile/statement-message.ts";
import { selfTimes } from "./profile/self-times.ts";
import { startProfiles, watchThreads, type ThreadProfile } from "./profile/thread-profiles.ts";
import { dueAtOnce } from "./schedules/due-at-once.ts";
import { drain } from "./workloads/drain.ts";
import { enqueue, enqueueMany } from "./workloads/enqueue.ts";
import { largeExecution } from "./workloads/executions.ts";

const HELP = `npm run bench:profile -- [options]
  --workload drain|enqueue|batch|large|schedules   drain; large: one execution with so many steps; schedules: so many that are due at once
  --store sqlite|postgres          sqlite
  --concurrency <n>                100; of enqueue: how many are in flight
  --count <n>                      50000 jobs
  --top <n>                        15 functions of each thread
  --statements                     the statements of SQLite, with their times, instead of the functions
  --save <folder>                  keeps the profiles as .cpuprofile, for a viewer
`;

const { values: options } = parseArgs({
  options: {
    workload: { type: "string", default: "drain" },
    store: { type: "string", default: "sqlite" },
    concurrency: { type: "string", default: "100" },
    count: { type: "string", default: "50000" },
    top: { type: "string", default: "15" },
    statements: { type: "boolean", default: false },
    save: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
let count = Number(options.count);
const concurrency = Number(options.concurrency);
/** How long jobs are enqueued. */
const FOR_MS = 4_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

if (options.help) say(HELP);
else if (options.statements && !process.execArgv.includes("--import")) process.exitCode = await withStatementTimes();
else await runAndCleanUp(profile);

async function profile(): Promise<void> {
  watchThreads();
  const queue = await (options.store === "postgres" ? openOnPostgres() : open({}));
  if (options.workload === "drain") await queue.enqueueMany(count);
  const begin = options.statements ? startStatements : startFunctions;
  let end = async (): Promise<void> => {};
  const beginNow = async (): Promise<void> => void (end = await begin());
  if (options.workload !== "schedules") await beginNow();
  const rate =
    options.workload === "schedules" ? (1_000 * count) / (await dueAtOnce(queue.windlass.engine, count, beginNow)).ms : await work(queue);
  if (options.workload === "enqueue") count = Math.round((rate * FOR_MS) / 1_000);
  say(`${options.workload}, ${options.store}, ${concurrency} at once: ${Math.round(rate)} jobs/s, ${(1e6 / rate).toFixed(1)} µs each`);
  await end();
  await queue.close();
}

async function work(queue: Awaited<ReturnType<typeof open>>): Promise<number> {
  switch (options.workload) {
    case "drain":
      return drain(queue, { count, concurrency });
    case "enqueue":
      return (await enqueue(queue, { forMs: FOR_MS, inFlight: concurrency })).perSecond;
    case "batch":
      return enqueueMany(queue, { count });
    case "large":
      return count / ((await largeExecution(queue, count))["wall"] ?? Number.NaN);
    default:
      throw new Error(`--workload is "${options.workload}"; it must be drain, enqueue, batch, large or schedules`);
  }
}

async function startFunctions(): Promise<() => Promise<void>> {
  const end = await startProfiles();
  return async () => {
    for (const one of await end()) {
      show(one);
      if (options.save !== undefined) save(options.save, one);
    }
  };
}

function show({ thread, profile }: ThreadProfile): void {
  const busy = 1 - (selfTimes(profile, Infinity).find(({ what }) => what === "(idle)")?.share ?? 0);
  say(`\n${thread}: busy ${(100 * busy).toFixed(0)} % of ${((profile.endTime - profile.startTime) / 1e6).toFixed(2)} s`);
  say("    share        ms    µs/job  function");
  for (const { what, ms, share } of selfTimes(profile, Number(options.top)))
    say(
      `  ${(100 * share).toFixed(1).padStart(5)} %  ${ms.toFixed(0).padStart(8)}  ${((1_000 * ms) / count).toFixed(2).padStart(8)}  ${what}`,
    );
}

function save(folder: string, { thread, profile }: ThreadProfile): void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${options.workload}-${thread.replaceAll(" ", "-")}.cpuprofile`);
  writeFileSync(file, JSON.stringify(profile));
  say(`  ${file}`);
}

/** The threads must be started with the program that counts. */
async function withStatementTimes(): Promise<number> {
  const counter = join(import.meta.dirname, "profile", "statement-times.ts");
  const child = spawn(process.execPath, ["--import", counter, import.meta.filename, ...process.argv.slice(2)], { stdio: "inherit" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

async function startStatements(): Promise<() => Promise<void>> {
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage("begin");
  return async () => {
    const threads = new Promise<readonly StatementTime[]>((resolve) => {
      channel.addEventListener("message", (message) => {
        const times = (message as unknown as { readonly data: readonly StatementTime[] }).data;
        // Every thread answers; the writer is the one that has work in these workloads.
        if (times.some(({ sql }) => sql === "COMMIT")) resolve(times);
      });
    });
    channel.postMessage("end");
    const times = (await threads).toSorted((a, b) => b.ms - a.ms);
    channel.close();
    say("\n   µs/job        ms     count  statement");
    for (const { sql, ms, count: times_ } of times.slice(0, Number(options.top) * 2))
      say(
        `  ${((1_000 * ms) / count).toFixed(2).padStart(7)}  ${ms.toFixed(0).padStart(8)}  ${String(times_).padStart(8)}  ${sql.replace(/\s+/gu, " ").slice(0, 140)}`,
      );
  };
}
