/**
 * CPU profiles of all threads of this process at once, each named after its program: the event loop, and every worker
 * thread that was started after `watchThreads`.
 */
import { Session, type Profiler } from "node:inspector/promises";
import { basename } from "node:path";
import type { Worker } from "node:worker_threads";

export interface ThreadProfile {
  /** `event loop`, or the file of the thread's program: `writer-thread`. */
  readonly thread: string;
  readonly profile: Profiler.Profile;
}

/** How often the stacks are looked at. */
const SAMPLE_US = 200;

const threads = new Set<Worker>();

/** Must be called before the threads are started. */
export function watchThreads(): void {
  process.on("worker", (worker) => {
    threads.add(worker);
    worker.once("exit", () => threads.delete(worker));
  });
}

/** Begins; what it returns ends the profiles and returns them. */
export async function startProfiles(): Promise<() => Promise<readonly ThreadProfile[]>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLE_US });
  const handles = await Promise.all([...threads].map((worker) => worker.startCpuProfile()));
  await session.post("Profiler.start");
  return async () => {
    const { profile } = await session.post("Profiler.stop");
    const others = await Promise.all(handles.map(async (handle) => JSON.parse(await handle.stop()) as Profiler.Profile));
    session.disconnect();
    return [{ thread: "event loop", profile }, ...others.map((other) => ({ thread: programOf(other), profile: other }))];
  };
}

/** A profile does not say whose it is, but a thread's own program is among what it ran. */
function programOf({ nodes }: Profiler.Profile): string {
  const program = nodes.find(({ callFrame }) => callFrame.url.endsWith("-thread.ts"));
  return program === undefined ? "another thread" : basename(program.callFrame.url, ".ts");
}
