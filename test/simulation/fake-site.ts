/**
 * The world outside in the simulation: a host that runs what it is told, whoever asks, and outlives its askers. It loses
 * replies, tells ends late and twice, and keeps count of everything that ever ran there.
 */
import type { EndedFact, Executor, Found, LaunchRequest } from "@windlass/ports";
import type { Result, StopFor } from "@windlass/kernel";
import type { FakeClock, SeededRandom } from "@windlass/testkit/fakes";
import type { SimulatedProcess } from "./faults.ts";

interface Running {
  readonly request: LaunchRequest;
  readonly ref: string;
  readonly startedAt: number;
  end: { readonly result: Result; readonly stopped: boolean; readonly endedAt: number } | null;
}

export interface FakeSite {
  readonly place: string;
  /** An executor of this site for one process. */
  executor(process: SimulatedProcess): Executor;
  /** Every launch there ever was: how it ended, by name; more than one for a name is a zombie. */
  readonly history: ReadonlyMap<string, readonly Running[]>;
  /** Names that run right now. */
  running(): string[];
}

/** An end is told again after this long, until it is forgotten. */
const RETELL_MS = 2_000;
const RUNNING_MAX = 4;

export function fakeSite(
  place: string,
  { clock, random, faulty }: { readonly clock: FakeClock; readonly random: SeededRandom; readonly faulty: () => number },
): FakeSite {
  const kept = new Map<string, Running>();
  const history = new Map<string, Running[]>();
  const listeners: ((fact: EndedFact) => void)[] = [];

  const tellEnd = (running: Running): void => {
    if (running.end === null || kept.get(running.request.name) !== running) return;
    const { name, jobId, attempt } = running.request;
    for (const tell of listeners) tell({ name, jobId, attempt, ref: running.ref, startedAt: running.startedAt, ...running.end });
    clock.after(RETELL_MS + random.int(500), () => tellEnd(running));
  };
  const end = (running: Running, result: Result, stopped: boolean): void => {
    if (running.end !== null) return;
    running.end = { result, stopped, endedAt: clock.now() };
    clock.after(random.int(300), () => tellEnd(running));
  };
  const begin = (request: LaunchRequest): Running => {
    const running: Running = { request, ref: `${place}:${random.int(1e9)}`, startedAt: clock.now(), end: null };
    kept.set(request.name, running);
    history.set(request.name, [...(history.get(request.name) ?? []), running]);
    const spec = request.spec as { ms?: number; exitCodes?: number[] };
    const exitCode = spec.exitCodes?.[request.attempt - 1] ?? 0;
    // What is launched again after it was forgotten is a zombie: it runs until somebody ends it.
    if (history.get(request.name)?.length === 1) clock.after(spec.ms ?? 0, () => end(running, resultOf(exitCode, request), false));
    return running;
  };
  const flaky = <T>(work: () => T): T => {
    if (random.chance(faulty())) throw new Error("simulated: the executor did not answer");
    const result = work();
    if (random.chance(faulty())) throw new Error("simulated: the executor's reply was lost");
    return result;
  };

  return {
    place,
    history,
    running: () => [...kept.values()].filter((running) => running.end === null).map((running) => running.request.name),
    executor: (process) => ({
      name: "process",
      place,
      runningMax: RUNNING_MAX,
      async start(onEnded) {
        listeners.push((fact) => process.alive && process.clock.after(0, () => onEnded(fact)));
      },
      async launch(request) {
        await new Promise<void>((resolve) => void process.clock.after(random.int(random.pick([50, 1_500])), resolve));
        return flaky(() => ({ ref: (kept.get(request.name) ?? begin(request)).ref }));
      },
      async find(name) {
        const running = kept.get(name);
        return flaky(() => (running === undefined ? null : found(running)));
      },
      async stop(name, graceMs, stopFor: StopFor) {
        flaky(() => {
          const running = kept.get(name);
          if (running === undefined) return;
          const outcome = stopFor === "failed_timeout" ? "failed_timeout" : "cancelled";
          clock.after(random.int(graceMs + 1), () => end(running, { outcome, reason: "cancel_requested", message: null }, true));
        });
      },
      list: async () => flaky(() => [...kept.values()].map(found)),
      async forget(name) {
        flaky(() => {
          if (kept.get(name)?.end !== null) kept.delete(name);
        });
      },
      close: async () => {},
    }),
  };
}

function found({ request, ref, end }: Running): Found {
  return { name: request.name, jobId: request.jobId, attempt: request.attempt, ref, state: end === null ? "running" : "ended" };
}

function resultOf(exitCode: number, { jobId, attempt }: LaunchRequest): Result {
  const output = { jobId, attempt };
  if (exitCode === 0) return { outcome: "succeeded", reason: "ok", message: null, exitCode, output };
  return { outcome: "failed", reason: "exit_code", message: `exit code ${exitCode}`, exitCode, output };
}
