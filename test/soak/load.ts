/**
 * The users of a soak: they submit handlers and processes that succeed, fail and are tried again, are cancelled; watch,
 * follow logs, list; and a worker of the SDK runs the handlers, leaving and coming back now and then.
 */
import { setTimeout as rest } from "node:timers/promises";
import type { Submission } from "@windlass/contract";
import { ROUTES } from "@windlass/contract/routes";
import { messageOf } from "@windlass/kernel";
import { client, worker, type Client } from "@windlass/sdk";

export interface LoadOptions {
  readonly url: string;
  readonly token: string;
  /** Opens streams and never closes them: for the test of the soak itself. */
  readonly leaks: boolean;
}

export interface Load {
  /** How much was done so far. */
  readonly counts: Readonly<Record<Count, number>>;
  /** What went wrong, the first few. */
  readonly faults: readonly string[];
  stop(): Promise<void>;
}

const COUNTS = ["submitted", "finished", "tailed", "cancelled", "watched", "listed"] as const;
type Count = (typeof COUNTS)[number];

const SUBMITTERS = 3;
const BATCH = 5;
const SUBMIT_PAUSE_MS = 150;
const LIST_PAUSE_MS = 500;
/** How long one watch lasts, and how long the worker stays. */
const WATCH_MS = 5_000;
const WORKER_MS = 20_000;
const AT_ONCE = 20;
const LEAK_PAUSE_MS = 100;
const FAULTS_MAX = 10;
const FAULT_PAUSE_MS = 500;
const INPUT = { text: "some input" };
const RETRY = { limit: 2, on: ["failed" as const], backoff: { initialSeconds: 0.2, factor: 1, maxSeconds: 1 } };

const handlers = {
  quick: ({ log }: { readonly log: (line: string) => void }) => {
    log(`a line of ${"x".repeat(100)}`);
    return "quick";
  },
  flaky: ({ attempt }: { readonly attempt: number }) => {
    if (attempt === 1) throw new Error("the first attempt fails");
    return attempt;
  },
  long: async ({ signal }: { readonly signal: AbortSignal }) => {
    await rest(60_000, undefined, { signal });
  },
};

interface Users {
  readonly options: LoadOptions;
  readonly api: Client;
  readonly signal: AbortSignal;
  readonly count: (what: Count, more?: number) => void;
  /** Held, so that they are not closed when garbage is collected. */
  readonly leaked: Response[];
}

export function startLoad(options: LoadOptions): Load {
  const { url, token } = options;
  const counts = Object.fromEntries(COUNTS.map((name) => [name, 0])) as Record<Count, number>;
  const faults: string[] = [];
  const ending = new AbortController();
  const users: Users = {
    options,
    api: client({ url, token }),
    signal: ending.signal,
    leaked: [],
    count: (what, more = 1) => {
      counts[what] += more;
    },
  };
  const deeds = [
    ...Array.from({ length: SUBMITTERS }, () => submitHandlers),
    runProcess,
    watch,
    list,
    work,
    ...(options.leaks ? [leak] : []),
  ];
  const all = deeds.map(async (deed) => {
    while (!ending.signal.aborted) {
      try {
        await deed(users);
      } catch (error) {
        if (ending.signal.aborted) return;
        if (faults.length < FAULTS_MAX) faults.push(`${deed.name}: ${messageOf(error)}`);
        await rest(FAULT_PAUSE_MS);
      }
    }
  });
  return {
    counts,
    faults,
    async stop() {
      ending.abort();
      await Promise.all(all);
    },
  };
}

async function submitHandlers({ api, count, signal }: Users): Promise<void> {
  const one = (handler: keyof typeof handlers): Submission => ({
    name: handler,
    executor: "handler",
    spec: { handler },
    input: INPUT,
    retry: RETRY,
  });
  const ids = await submit(api, [...Array.from({ length: BATCH }, () => one("quick")), one("flaky"), one("long")], signal);
  count("submitted", ids.length);
  const [first = "", last = ""] = [ids.at(0), ids.at(-1)];
  await api.jobs.cancel({ id: last }, { signal });
  count("cancelled");
  await api.wait(first, { signal });
  count("finished");
  await rest(SUBMIT_PAUSE_MS, undefined, { signal });
}

/** As batches: answers to single requests are kept for a day under their keys, and would grow for as long. */
async function submit(api: Client, jobs: Submission[], signal: AbortSignal): Promise<string[]> {
  const { results } = await api.jobs.submitMany({ jobs }, { signal });
  return results.flatMap((result) => ("id" in result ? [result.id] : []));
}

/** Followed while it prints. */
async function runProcess({ api, count, signal }: Users): Promise<void> {
  const script = "for i in $(seq 1 200); do echo line $i of what it prints; done; exit $((WINDLASS_ATTEMPT == 1))";
  const [id = ""] = await submit(api, [{ name: "script", executor: "process", spec: { script }, retry: RETRY }], signal);
  count("submitted");
  for await (const _line of api.tail(id, { signal })) count("tailed");
  if ((await api.wait(id, { signal })).state === "succeeded") count("finished");
  await Array.fromAsync(await api.jobs.rawLogs({ id }, { signal }));
}

async function watch({ api, count, signal }: Users): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(WATCH_MS)]);
  try {
    for await (const _item of api.events.watch({}, { signal: over })) count("watched");
  } catch (error) {
    if (!over.aborted) throw error;
  }
}

async function list({ api, count, signal }: Users): Promise<void> {
  const { items } = await api.jobs.list({ limit: 50 }, { signal });
  const [first] = items;
  if (first !== undefined) await api.jobs.events({ id: first.id }, { signal });
  await api.system.info({}, { signal });
  count("listed");
  await rest(LIST_PAUSE_MS, undefined, { signal });
}

async function work({ options: { url, token }, signal }: Users): Promise<void> {
  const one = worker({ url, token, handlers, concurrency: AT_ONCE, drainMs: 1_000 });
  await one.start();
  await rest(WORKER_MS, undefined, { signal }).catch(() => {});
  await one.stop();
}

/** Streams that nobody reads and nobody closes. */
async function leak({ options: { url, token }, signal, leaked }: Users): Promise<void> {
  leaked.push(await fetch(`${url}${ROUTES["events.watch"].path}`, { headers: { authorization: `Bearer ${token}` }, signal }));
  await rest(LEAK_PAUSE_MS, undefined, { signal });
}
