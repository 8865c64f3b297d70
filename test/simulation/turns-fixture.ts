/** For tests: one tenant with thousands of jobs that do nothing, a worker that reads ahead of its slots, and single jobs of new tenants meanwhile. */
import { engine, localBus, type SubmitRequest } from "@windlass/engine";
import type { Clock, Random, Store } from "@windlass/ports";
import { memoryLogs, quietLogger } from "@windlass/testkit/fakes";
import { taskKind } from "./graph-kind.ts";

export interface TurnsSite {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  /** Resolves when it is so; time passes meanwhile. */
  readonly until: (done: () => boolean) => Promise<void>;
}

const MANY = 6_000;
const SINGLES = 5;
const SLOTS = 10;
/** What lies with the worker when a job comes (engine, read-ahead.ts), and one of each tenant that has its turn first. */
export const OTHERS_FIRST_MAX: number = 500 + SLOTS + SINGLES + 1;

/** How many others begin before each single job, from when its submit was answered. */
export async function othersFirst({ until, ...ports }: TurnsSite): Promise<readonly number[]> {
  const server = engine({
    ...ports,
    bus: localBus(),
    logger: quietLogger(),
    logs: memoryLogs(),
    sha256: (text) => `hash of ${text}`,
    kinds: [taskKind],
    executors: [],
  });
  const brief = (fairnessKey: string): SubmitRequest => ({
    kind: "task",
    name: "noop",
    spec: { handler: "noop" },
    executor: "handler",
    fairnessKey,
  });
  const begun: string[] = [];
  const came = new Map<string, number>();
  let submitted = 0;
  // Not among the first, which are not read ahead yet, nor among the last.
  const comesAt = Array.from({ length: SINGLES }, (_, i) => Math.floor((MANY * (i + 1 + ports.random.next() / 2)) / (SINGLES + 2)));
  const noop = ({ jobId }: { readonly jobId: string }): void => {
    begun.push(jobId);
    if (!comesAt.includes(begun.length)) return;
    // In front of the other in order of keys, and behind it.
    const tenant = `${submitted % 2 === 0 ? "a" : "z"}-${submitted++}`;
    void server.jobs.submit(brief(tenant)).then(({ id }) => came.set(id, begun.length));
  };
  for (let made = 0; made < MANY; made += 1_000) await server.jobs.submitMany(Array.from({ length: 1_000 }, () => brief("many")));
  const worker = server.worker({ handlers: { noop }, concurrency: SLOTS });
  let over = false;
  const ends = (async () => {
    await server.start();
    await worker.start();
  })();
  await until(() => begun.length === MANY + SINGLES && came.size === SINGLES);
  const stopped = ends
    .then(() => worker.stop())
    .then(() => server.stop())
    .finally(() => (over = true));
  await until(() => over);
  await stopped;
  return [...came].map(([id, from]) => begun.indexOf(id) - from);
}
