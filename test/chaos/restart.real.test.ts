/** Many queued jobs over the death of their server: each runs once. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Submission } from "@windlass/contract";
import { client, type Client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { stranger, until, type Server, type Stranger } from "../e2e/stranger.ts";
import { readEffects } from "./effects.ts";
import { STEADY_HANDLERS, violationsIn } from "./steady-users.ts";

const JOBS = 10_000;
const BATCH = 500;
const PATIENCE = { timeout: 90_000, interval: 200 };

let here: Stranger;
beforeEach(() => {
  here = stranger();
  here.write("handlers.ts", STEADY_HANDLERS);
  here.write("effects", "");
});
afterEach(() => here.leave());

test(`${JOBS} jobs that are queued when their server is killed all run once when it is back`, async () => {
  const first = await here.server();
  const token = readFileSync(join(here.folder, ".windlass", "token"), "utf8").trim();
  const acknowledged = await queue(client({ url: first.url, token }));
  await killed(first);
  const second = await here.server();
  const worker = here.start(["worker", "--handlers", "handlers.ts", "--concurrency", "100", "--server", second.url, "--token", token]);
  await until(worker, "A worker of");
  const effectsFile = join(here.folder, "effects");
  const api = client({ url: second.url, token });
  await vi.waitFor(async () => expect((await api.system.info()).jobs).toMatchObject({ queued: 0, running: 0 }), PATIENCE);
  worker.kill("SIGTERM");
  await here.stopServers();
  const effects = readEffects(effectsFile);
  expect([effects.length, effects.filter(({ attempt }) => attempt !== 1)]).toEqual([2 * JOBS, []]);
  expect(await violationsIn(join(here.folder, ".windlass", "windlass.db"), { acknowledged, effectsFile })).toEqual([]);
});

async function queue(api: Client): Promise<{ readonly key: string; readonly id: string }[]> {
  const keys = Array.from({ length: JOBS }, (_, i) => `job-${i}`);
  const acknowledged: { readonly key: string; readonly id: string }[] = [];
  for (let first = 0; first < JOBS; first += BATCH) {
    const some = keys.slice(first, first + BATCH);
    const jobs = some.map((key): Submission => ({ name: "quick", executor: "handler", spec: { handler: "quick" }, idempotencyKey: key }));
    const { results } = await api.jobs.submitMany({ jobs });
    for (const [i, key] of some.entries()) {
      const result = results[i];
      if (result !== undefined && "id" in result) acknowledged.push({ key, id: result.id });
    }
  }
  expect(acknowledged).toHaveLength(JOBS);
  return acknowledged;
}

async function killed(server: Server): Promise<void> {
  server.kill("SIGKILL");
  await server.ended;
}
