/**
 * The users: they submit, and ask again under the same key until somebody has answered, at whichever server. What was
 * acknowledged is written down, for the history checker to hold against the store.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { ERRORS, isWindlassError, messageOf } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { readDataFolder } from "../../programs/cli/src/compose/data-folder.ts";
import { EFFECTS_VARIABLE } from "./effects.ts";
import type { SeededRandom } from "@windlass/testkit/fakes";
import type { Order, PlannedOrder } from "./workload.ts";

export interface Ledger {
  readonly acknowledged: { readonly key: string; readonly id: string }[];
  /** Requests that were refused, or never answered although servers were up again and again. */
  readonly refused: string[];
  /** Requests that were asked more than once. */
  asks: number;
}

export interface Users {
  readonly doors: readonly string[];
  readonly effectsFile: string;
  readonly random: SeededRandom;
}

const ANSWER_MS = 5_000;
const PATIENCE_MS = 90_000;
const ASK_AGAIN_MS = 250;
const WINDLASS = join(import.meta.dirname, "..", "..", "programs", "cli", "bin", "windlass.js");

const run = promisify(execFile);

/** Resolves once each order was acknowledged or given up. */
export async function submitOrders(users: Users, orders: readonly PlannedOrder[]): Promise<Ledger> {
  const ledger: Ledger = { acknowledged: [], refused: [], asks: 0 };
  const begun = performance.now();
  await Promise.all(
    orders.map(async ({ atMs, order, cancelAfterMs }) => {
      await rest(Math.max(0, atMs - (performance.now() - begun)));
      const ids = await askUntilAnswered(users, ledger, (door, signal) => place(users, { order, door, signal }));
      ledger.acknowledged.push(...(ids ?? []));
      const [first] = ids ?? [];
      if (cancelAfterMs === null || first === undefined) return;
      await rest(cancelAfterMs);
      await askUntilAnswered(users, ledger, (door, signal) => cancel(clientOf(door), first.id, signal));
    }),
  );
  return ledger;
}

/** How many jobs have not ended, by any server that answers; null when none does. */
export async function countLive(doors: readonly string[]): Promise<number | null> {
  for (const door of doors) {
    try {
      const { items } = await clientOf(door).jobs.list(
        { state: ["scheduled", "queued", "running", "waiting", "stopping"], limit: 500 },
        { signal: AbortSignal.timeout(ANSWER_MS) },
      );
      return items.length;
    } catch {
      // The next one is asked.
    }
  }
  return null;
}

type Placed = readonly { readonly key: string; readonly id: string }[];

async function place(
  users: Users,
  { order, door, signal }: { readonly order: Order; readonly door: string; readonly signal: AbortSignal },
): Promise<Placed> {
  switch (order.door) {
    case "submit": {
      const [submission] = order.submissions;
      const { id } = await clientOf(door).jobs.submit(submission, { signal });
      return [{ key: submission.idempotencyKey ?? "", id }];
    }
    case "batch": {
      const { results } = await clientOf(door).jobs.submitMany({ jobs: [...order.submissions] }, { signal });
      return results.map((result, i) => {
        if (!("id" in result)) throw new Error(`one of a batch was refused: ${result.problem.detail}`);
        return { key: order.submissions[i]?.idempotencyKey ?? "", id: result.id };
      });
    }
    case "workflow": {
      const { id } = await clientOf(door).workflows.run({ source: order.source, idempotencyKey: order.key }, { signal });
      return [{ key: order.key, id }];
    }
    case "command": {
      const options = [
        "--data",
        door,
        "--json",
        "--idempotency-key",
        order.key,
        "--retries",
        String(order.retries),
        "--env",
        `${EFFECTS_VARIABLE}=${users.effectsFile}`,
      ];
      const { stdout } = await run(process.execPath, [WINDLASS, "jobs", "submit", ...options, "--", "sh", "-ec", order.script], {
        timeout: 4 * ANSWER_MS,
        killSignal: "SIGKILL",
      });
      return [{ key: order.key, id: (JSON.parse(stdout) as { readonly id: string }).id }];
    }
  }
}

/** That it has ended already is an answer too. */
async function cancel(api: Client, id: string, signal: AbortSignal): Promise<true> {
  try {
    await api.jobs.cancel({ id }, { signal });
  } catch (error) {
    if (!isWindlassError(error) || error.code !== "job_finished") throw error;
  }
  return true;
}

async function askUntilAnswered<T>(
  { doors, random }: Users,
  ledger: Ledger,
  ask: (door: string, signal: AbortSignal) => Promise<T>,
): Promise<T | null> {
  const begun = performance.now();
  for (let tries = 1; ; tries++) {
    try {
      return await ask(random.pick(doors), AbortSignal.timeout(ANSWER_MS));
    } catch (error) {
      if (performance.now() - begun > PATIENCE_MS || isRefusal(error)) {
        ledger.refused.push(`after ${tries} tries: ${messageOf(error)}`);
        return null;
      }
      ledger.asks++;
    }
    await rest(ASK_AGAIN_MS);
  }
}

/** `unauthorized` comes from a server of somebody else that has got the port of one that was killed. */
export function isRefusal(error: unknown): boolean {
  return isWindlassError(error) && !ERRORS[error.code].retry && error.code !== "unauthorized";
}

export function clientOf(door: string): Client {
  const { server, token } = readDataFolder(door);
  if (server === null) throw new Error(`no server has said where it answers in ${door}`);
  return client({ url: server.url, token: token ?? "", retries: 0 });
}
