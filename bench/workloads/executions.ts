/**
 * Executions of workflows whose steps are handlers that do nothing: what a step of a graph costs besides its work. Their
 * specifications are in the words that a file comes to when it has been read.
 */
import type { OpenWindlass } from "../contenders/windlass-embedded.ts";
import type { Figures } from "../row.ts";

const CONCURRENCY = 100;
/** A machine that does other things must not end a measurement. */
const PATIENCE_MS = 30 * 60_000;
/** How many steps of the large execution are open at once: each of so many chains is as long as the others. */
const CHAINS = 100;
const PARTS = 10;

type Spec = Readonly<Record<string, unknown>> & { readonly steps: readonly object[] };

/** Ten steps: a diamond, a chain beside it, and one behind all. */
function tenSteps(): Spec {
  const needs: Readonly<Record<string, readonly string[]>> = {
    a: [],
    b: ["a"],
    c: ["a"],
    d: ["b", "c"],
    e: ["a"],
    f: ["e"],
    g: ["f"],
    h: ["d"],
    i: ["d", "g"],
    j: ["h", "i"],
  };
  return specOf(Object.entries(needs).map(([name, list]) => ({ name, needs: list, tool: NOOP })));
}

/** So many executions submitted at once, until all have ended. */
export async function manyExecutions(queue: OpenWindlass, count: number): Promise<Figures> {
  const spec = tenSteps();
  const seconds = await play(queue, { specs: Array.from({ length: count }, () => spec), onStep: () => {} });
  return { executions: count / seconds, steps: (count * spec.steps.length) / seconds };
}

/** One step for each of so many items, all at once. */
export async function wideLoop(queue: OpenWindlass, items: number): Promise<Figures> {
  const spec = specOf([{ name: "each", foreach: Array.from({ length: items }, (_one, i) => i), maxParallel: items, tool: NOOP }]);
  const seconds = await play(queue, { specs: [spec], onStep: () => {} });
  return { "": 1_000 * seconds };
}

/** One execution with so many steps, in chains beside each other: whether its end costs more for a step than its beginning. */
export async function largeExecution(queue: OpenWindlass, count: number): Promise<Figures> {
  const chains = Math.min(CHAINS, Math.ceil(count / PARTS));
  const steps = Array.from({ length: count }, (_one, i) => ({
    name: `s${i}`,
    needs: i < chains ? [] : [`s${i - chains}`],
    tool: NOOP,
  }));
  /** When each step was carried out, from the submission on. */
  const times: number[] = [];
  let most = process.memoryUsage.rss();
  const begun = performance.now();
  const seconds = await play(queue, {
    specs: [specOf(steps)],
    onStep: () => {
      times.push(performance.now() - begun);
      if (times.length % chains === 0) most = Math.max(most, process.memoryUsage.rss());
    },
  });
  const part = Math.floor(count / PARTS);
  const perStep = (from: number): number => (1_000 * ((times[from + part - 1] ?? Number.NaN) - (times[from - 1] ?? 0))) / part;
  return {
    wall: seconds,
    "first tenth": perStep(0),
    "middle tenth": perStep(Math.floor(count / 2)),
    "last tenth": perStep(count - part),
    memory: most / 2 ** 20,
  };
}

const NOOP = { kind: "handler", handler: "noop" } as const;

function specOf(steps: Spec["steps"]): Spec {
  return { apiVersion: "windlass.dev/v1", kind: "Workflow", metadata: { name: "bench" }, steps };
}

/** Seconds from the first submission to the last end. */
async function play(
  queue: OpenWindlass,
  { specs, onStep }: { readonly specs: readonly Spec[]; readonly onStep: () => void },
): Promise<number> {
  const { jobs } = queue.windlass.engine;
  const working = await queue.work({ concurrency: CONCURRENCY, onJob: onStep });
  const begun = performance.now();
  const submitted = await jobs.submitMany(
    specs.map((spec) => ({ kind: "workflow", name: "bench", executor: "none", spec: spec as never, input: {} }) as const),
  );
  const ends = await Promise.all(submitted.map((one) => (one instanceof Error ? Promise.reject(one) : jobs.wait(one.id, PATIENCE_MS))));
  const seconds = (performance.now() - begun) / 1_000;
  await working.stop();
  const bad = ends.find(({ final }) => final?.outcome !== "succeeded");
  if (bad !== undefined) throw new Error(`an execution ended as ${bad.final?.outcome ?? bad.state}: ${bad.final?.message ?? ""}`);
  return seconds;
}
