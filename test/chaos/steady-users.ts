/**
 * Users who submit handlers one after the other, at one server after the other, each under a key of its own, and ask again
 * until they are answered; and the handlers of a worker in a process of its own. For tests of one fault at a time.
 */
import { setTimeout as rest } from "node:timers/promises";
import { isWindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";
import { systemClock } from "../../programs/cli/src/machine/system-clock.ts";
import { readEffects } from "./effects.ts";
import { violationsOf } from "./check-history.ts";
import { readStored } from "./history.ts";

export interface SteadyUsers {
  readonly acknowledged: readonly { readonly key: string; readonly id: string }[];
  /** `code: message` of each answer that was none. */
  readonly refusals: readonly string[];
  /** Each finishes what it is about, so everything is acknowledged. */
  stop(): Promise<void>;
}

export const USERS = 4;
const ASK_AGAIN_MS = 100;
const ANSWER_MS = 15_000;
/** Enough for every fault of a test: an attempt is lost with whatever carries it. */
export const RETRY = {
  limit: 8,
  on: ["failed" as const, "failed_node_lost" as const],
  backoff: { initialSeconds: 0.2, factor: 1, maxSeconds: 1 },
};

/** Each leaves the lines of effects.ts in the folder of its worker; `slow` waits until there is a file `go`. */
export const STEADY_HANDLERS = `
import { appendFileSync, existsSync } from "node:fs";
const note = (what, { jobId, attempt }) => appendFileSync("effects", what + " " + jobId + " " + attempt + " " + process.pid + "\\n");
const wait = async () => { while (!existsSync("go")) await new Promise((resolve) => setTimeout(resolve, 20)); };
export const handlers = {
  quick: (context) => { note("start", context); note("end", context); },
  slow: async (context) => { note("start", context); await wait(); note("end", context); return "slow"; },
};
`;

/** `inputLength`: so much each job takes in the store, at least. */
export function steadyUsers(apis: readonly Client[], inputLength: number): SteadyUsers {
  const acknowledged: { readonly key: string; readonly id: string }[] = [];
  const refusals: string[] = [];
  const ending = new AbortController();
  const submit = async (key: string, asked: number): Promise<string | null> => {
    try {
      const api = apis[asked % apis.length];
      const input = { text: "x".repeat(inputLength) };
      const job = { name: "quick", executor: "handler" as const, spec: { handler: "quick" }, input, idempotencyKey: key, retry: RETRY };
      return (await api?.jobs.submit(job, { signal: AbortSignal.timeout(ANSWER_MS) }))?.id ?? null;
    } catch (error) {
      refusals.push(isWindlassError(error) ? `${error.code}: ${error.message}` : String(error));
      return null;
    }
  };
  const all = Array.from({ length: USERS }, async (_, user) => {
    let asked = user;
    for (let count = 0; !ending.signal.aborted; count++) {
      const key = `user-${user}-${count}`;
      let id = await submit(key, asked++);
      for (; id === null; id = await submit(key, asked++)) await rest(ASK_AGAIN_MS);
      acknowledged.push({ key, id });
    }
  });
  return {
    acknowledged,
    refusals,
    async stop() {
      ending.abort();
      await Promise.all(all);
    },
  };
}

/** What is stored, held against what users were told and what was done (check-history.ts). `store`: a file of SQLite, or postgres://… */
export async function violationsIn(
  store: string,
  { acknowledged, effectsFile }: Pick<SteadyUsers, "acknowledged"> & { readonly effectsFile: string },
): Promise<ReturnType<typeof violationsOf>> {
  const opened = store.startsWith("postgres:")
    ? await (await import("@windlass/postgres")).openPostgresStore({ url: store, clock: systemClock })
    : await (await import("@windlass/sqlite")).openSqliteStore({ path: store, clock: systemClock });
  const stored = await readStored(opened);
  await opened.close();
  return violationsOf({
    ...stored,
    acknowledged,
    effects: readEffects(effectsFile),
    heard: stored.feed,
    meant: new Map(),
    leftovers: [],
    left: null,
  });
}
