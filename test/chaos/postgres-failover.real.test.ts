/**
 * Everything that a database does when it fails over, one after the other, under load: two servers and a worker on another
 * connection. After each, both servers take jobs again by themselves; at the end the history is checked.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { client, type Client } from "@windlass/sdk";
import { commitThief, type CommitThief } from "@windlass/testkit";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, until, type Stranger } from "../e2e/stranger.ts";
import { readEffects } from "./effects.ts";
import { backendsOf, signal } from "./running-processes.ts";
import { STEADY_HANDLERS, steadyUsers, violationsIn } from "./steady-users.ts";

const PATIENCE = { timeout: 60_000, interval: 50 };
const TIMEOUT_MS = 300_000;
const INPUT_LENGTH = 100;
/** Longer than the time to live of a session, so that each is lost. */
const OUTAGE_MS = 4_000;
const ENVIRONMENT = { WINDLASS_SESSION_TTL_SECONDS: "3" };
const STOLEN = 20;
/** Jobs taken, and done, after a fault, by which one sees that all goes on. */
const GOES_ON = 20;

const programs = findPostgres(process.env);
if (programs === null && process.env["CI"] === "true") throw new Error("PostgreSQL is not installed");

describe.skipIf(programs === null)("two servers and a worker on a PostgreSQL that fails", () => {
  let postgres: PostgresServer;
  let here: Stranger;
  let thief: CommitThief;
  let url: string;
  beforeAll(async () => {
    postgres = await startPostgres(programs ?? "");
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    here = stranger();
    here.write("handlers.ts", STEADY_HANDLERS);
    here.write("effects", "");
    url = await postgres.schema();
    thief = await commitThief(url);
  });
  afterEach(async () => {
    await here.leave();
    await thief.close();
  });

  const serve = async (data: string): Promise<{ readonly api: Client; readonly args: readonly string[] }> => {
    const server = await here.serverWith(ENVIRONMENT, "--data", data, "--store", thief.url);
    const token = readFileSync(join(here.folder, data, "token"), "utf8").trim();
    return { api: client({ url: server.url, token, retries: 0 }), args: ["--server", server.url, "--token", token] };
  };

  test(
    "nothing acknowledged is lost, no attempt is doubled, and all goes on by itself, whichever way it fails",
    { timeout: TIMEOUT_MS },
    async () => {
      const [one, two] = [await serve("one"), await serve("two")];
      const worker = here.start(["worker", "--handlers", "handlers.ts", ...one.args]);
      await until(worker, "A worker of");
      const effectsFile = join(here.folder, "effects");
      const users = steadyUsers([one.api, two.api], INPUT_LENGTH);
      const goesOn = async (): Promise<void> => {
        const [taken, done] = [users.acknowledged.length, readEffects(effectsFile).length];
        await vi.waitFor(() => {
          expect(users.acknowledged.length).toBeGreaterThan(taken + GOES_ON);
          expect(readEffects(effectsFile).length).toBeGreaterThan(done + 2 * GOES_ON);
        }, PATIENCE);
        for (const { api } of [one, two]) await vi.waitFor(() => api.jobs.list({ limit: 1 }), PATIENCE);
      };
      const faults: Readonly<Record<string, () => Promise<unknown>>> = {
        "stopped at once and started": () => postgres.crash(),
        "its first process killed": () => postgres.crash({ signal: "SIGKILL" }),
        "every connection ended": async () => backendsOf(postgres.pid).map((pid) => signal(pid, "SIGTERM")),
        "away for a while": () => postgres.crash({ meanwhile: () => rest(OUTAGE_MS) }),
        "answers to COMMIT lost": async () => {
          thief.steal(STOLEN);
          await vi.waitFor(() => expect(thief.left).toBe(0), PATIENCE);
        },
      };
      await goesOn();
      for (const fault of Object.values(faults)) {
        await fault();
        await goesOn();
      }
      await users.stop();
      for (const { id } of users.acknowledged) expect((await one.api.wait(id)).state).toBe("succeeded");
      // Nobody ended by itself.
      expect(here.stillRunning()).toBe(3);
      await here.stopServers();
      expect(await violationsIn(url, { acknowledged: users.acknowledged, effectsFile })).toEqual([]);
    },
  );
});
