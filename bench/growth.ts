/**
 * Does it stay as it is when it fills up? `npm run bench:growth`. Fills one store with finished jobs, decade by decade, and
 * measures at each what people notice: taking in, draining, the lists of the API, the counts, memory and size.
 */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runAndCleanUp } from "./cleanup.ts";
import { JOB_OF_WINDLASS } from "./contenders/contender.ts";
import { open, openOnFolder, type OpenWindlass } from "./contenders/windlass-embedded.ts";
import { machine } from "./machine.ts";
import { machineLines } from "./report.ts";
import { startServer } from "./servers/windlass.ts";
import { drain } from "./workloads/drain.ts";
import { enqueue } from "./workloads/enqueue.ts";
import { percentile } from "./workloads/percentile.ts";

const HELP = `npm run bench:growth -- [options]
  --to <jobs>      100000; finished jobs in the store at the end (a million takes minutes, ten millions a quarter of an hour)
  --json <file>    the figures as JSON, too
`;

const { values: options } = parseArgs({
  options: { to: { type: "string", default: "100000" }, json: { type: "string" }, help: { type: "boolean", default: false } },
});
const say = (...lines: readonly string[]): void => void process.stdout.write(`${lines.join("\n")}\n`);

/** Jobs that are queued at once while the store is filled: what is finished is to grow, not what waits. */
const CHUNK = 20_000;
const BATCH = 1_000;
const PROBE = { inFlight: 50, forMs: 1_500, concurrency: 100 } as const;
/** How often each list is asked for. */
const LISTS = 200;
/** One job in so many has a given value of its label. */
const SHARDS = 100;

type Decade = Readonly<Record<string, number>>;

if (options.help) say(HELP);
else await runAndCleanUp(grow);

async function grow(): Promise<void> {
  const to = Number(options.to);
  if (!Number.isInteger(to) || to < 1) throw new Error(`--to is "${options.to}"; it must be a number of jobs`);
  const facts = machine();
  say(...machineLines(facts), "");
  const first = await open({});
  const { folder } = first;
  const decades: Decade[] = [];
  let finished = 0;
  let queue = first;
  for (const target of [0, ...decadesTo(to)]) {
    const filled = await fill(queue, { from: finished, to: target });
    const probed = await probe(queue);
    finished = Math.max(finished, target) + probed.jobs;
    await queue.windlass.close();
    const asked = await ask(folder);
    decades.push({ "finished jobs": finished, ...filled, ...probed.figures, ...asked, ...sizes(folder, finished) });
    say(...linesOf(decades), "");
    queue = await openOnFolder(folder);
  }
  await queue.windlass.close();
  await first.remove();
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ machine: facts, decades }, null, 2)}\n`);
}

/** 10,000, 100,000 … and the end itself. */
function decadesTo(to: number): readonly number[] {
  const decades: number[] = [];
  for (let jobs = 10_000; jobs < to; jobs *= 10) decades.push(jobs);
  return [...decades, to];
}

/** Takes in and drains until so many are finished. What a job costs is told of all of them. */
async function fill(queue: OpenWindlass, { from, to }: { readonly from: number; readonly to: number }): Promise<Decade> {
  const begun = performance.now();
  const count = Math.max(0, to - from);
  for (let done = 0; done < count; done += CHUNK) {
    const size = Math.min(CHUNK, count - done);
    for (let made = 0; made < size; made += BATCH)
      await queue.windlass.engine.jobs.submitMany(
        Array.from({ length: Math.min(BATCH, size - made) }, (_one, index) => ({
          ...JOB_OF_WINDLASS,
          labels: { shard: String(index % SHARDS) },
        })),
      );
    await drain(queue, { count: size, concurrency: PROBE.concurrency });
  }
  return { "in and out, µs a job": count === 0 ? Number.NaN : (1_000 * (performance.now() - begun)) / count };
}

/** How fast it is now. */
async function probe(queue: OpenWindlass): Promise<{ readonly jobs: number; readonly figures: Decade }> {
  const taken = await enqueue(queue, PROBE);
  const jobs = taken.jobs;
  return {
    jobs,
    figures: {
      "enqueue, 50 in flight, jobs/s": taken.perSecond,
      "drain, 100 at once, jobs/s": await drain(queue, { count: jobs, concurrency: PROBE.concurrency }),
    },
  };
}

/** What the API says, from a server of its own on the same store. */
async function ask(folder: string): Promise<Decade> {
  const server = await startServer({ folder });
  const { jobs, system } = server.client;
  const [middle] = (await jobs.list({ order: "oldest", limit: 1 })).items;
  const figures = {
    "list, p95 ms": await p95(() => jobs.list({})),
    "list by state, p95 ms": await p95(() => jobs.list({ state: ["succeeded"] })),
    "list by label, p95 ms": await p95(() => jobs.list({ label: "shard=7" })),
    "list by name, p95 ms": await p95(() => jobs.list({ name: "nothing" })),
    "get, p95 ms": await p95(() => (middle === undefined ? jobs.list({}) : jobs.get({ id: middle.id }))),
    "counts, p95 ms": await p95(() => system.info()),
    "memory, MB": server.memoryBytes() / 2 ** 20,
  };
  await server.stop();
  return figures;
}

async function p95(call: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < LISTS; i++) {
    const from = performance.now();
    await call();
    took.push(performance.now() - from);
  }
  return percentile(took, 0.95);
}

function sizes(folder: string, jobs: number): Decade {
  const bytes = statSync(join(folder, "windlass.db")).size;
  return { "file, MB": bytes / 2 ** 20, "file, bytes a job": bytes / jobs };
}

/** One line for each figure, one column for each decade. */
function linesOf(decades: readonly Decade[]): readonly string[] {
  const names = Object.keys(decades.at(-1) ?? {});
  const width = Math.max(...names.map((name) => name.length));
  return names.map((name) => `${name.padEnd(width)}  ${decades.map((decade) => show(decade[name]).padStart(11)).join(" ")}`);
}

function show(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return "–";
  return value >= 100 ? Math.round(value).toLocaleString("en-GB") : value.toFixed(2);
}
