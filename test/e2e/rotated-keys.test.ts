/**
 * Keys are changed while executions go on, isolated and not: what was sealed before is opened by steps that begin after, a runner keeps
 * its connection over it, and one that is made afterwards can connect.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stranger, type Server, type Stranger } from "./stranger.ts";

const PATIENCE = { timeout: 90_000, interval: 50 };
const SECRET = "correct/horse+battery";

let me: Stranger;
let server: Server;
beforeAll(async () => {
  me = stranger();
  server = await me.server("--data", "data");
});
afterAll(() => me.leave());

const waits = (name: string): string => `echo $PPID > ${me.folder}/${name}; while ! test -e ${me.folder}/rotated; do sleep 0.1; done`;

/** The first step waits until the keys have changed, the second is given a secret then; before the third the runner is killed. */
function file(isolation: "job" | "shared"): string {
  const env = { KEY: { valueFrom: "report-db" } };
  const hashes = 'printf %s "$KEY" | sha256sum | cut -c1-8';
  return JSON.stringify({
    apiVersion: "windlass.dev/v1",
    kind: "Workflow",
    metadata: { name: `rotated-${isolation}` },
    isolation,
    steps: [
      { name: "before", tool: { kind: "shell", script: waits(isolation) } },
      { name: "after", needs: ["before"], tool: { kind: "shell", script: hashes, env } },
      {
        name: "again",
        needs: ["after"],
        tool: {
          kind: "shell",
          script: isolation === "job" ? `test $WINDLASS_ATTEMPT != 1 || { kill -9 $PPID; sleep 600; }; ${hashes}` : hashes,
          env,
        },
      },
    ],
  });
}

test("a key that is rotated while executions go on costs none of them anything", async () => {
  const api = client({ url: server.url, token: readFileSync(join(me.folder, "data", "token"), "utf8").trim() });
  await api.secrets.set({ name: "report-db", value: SECRET });
  const ids = await Promise.all(
    (["job", "shared"] as const).map(async (isolation) => {
      const { job } = await api.workflows.run({ source: file(isolation) });
      await vi.waitFor(() => expect(readFileSync(join(me.folder, isolation), "utf8")).not.toBe(""), PATIENCE);
      return job.id;
    }),
  );
  const rotated = await me.windlass("secrets", "rotate", "--data", "data", "--json");
  expect(JSON.parse(rotated.stdout)).toMatchObject({ made: true, resealed: 1, left: 0 });
  writeFileSync(join(me.folder, "rotated"), "");
  for (const id of ids) {
    const job = await vi.waitFor(async () => {
      const seen = await api.jobs.get({ id });
      expect(seen.outcome).not.toBeNull();
      return seen;
    }, PATIENCE);
    expect(job).toMatchObject({ outcome: "succeeded" });
    const printed = await me.windlass("logs", id, "--data", "data");
    expect(printed.stdout.match(/8eacd4a1/gu)).toHaveLength(2);
  }
  const { items } = await api.jobs.list({ parentId: ids[0] ?? "", limit: 100 });
  expect(items.filter(({ name }) => name === "runner")).toHaveLength(2);
});
