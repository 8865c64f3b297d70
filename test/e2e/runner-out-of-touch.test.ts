/**
 * A runner whose server is away for longer than its session lasts: its steps go on, and what they come to is kept and told afterwards;
 * but what another runner was given meanwhile is that one's.
 */
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { client, type Client, type JobJson } from "@windlass/sdk";
import { freePort, testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, workflowOf, type Server, type Stranger } from "./stranger.ts";

const PATIENCE = { timeout: 90_000, interval: 50 };
const postgres = testPostgres();
const KEYS = { WINDLASS_SECRETS_KEYS: Buffer.alloc(32, 9).toString("base64") };

let me: Stranger;
beforeEach(() => {
  me = stranger();
});
afterEach(() => me.leave());

const isolated = (name: string, script: string): string => workflowOf(name, script).replace("metadata:", "isolation: job\nmetadata:");

function apiOf({ url }: Server, data: string): Client {
  return client({ url, token: readFileSync(join(me.folder, data, "token"), "utf8").trim() });
}

async function ended(api: Client, id: string): Promise<JobJson> {
  return vi.waitFor(async () => {
    const job = await api.jobs.get({ id });
    expect(job.outcome).not.toBeNull();
    return job;
  }, PATIENCE);
}

async function written(name: string, lines = 1): Promise<readonly string[]> {
  return vi.waitFor(() => {
    const found = readFileSync(join(me.folder, name), "utf8").trim().split("\n");
    expect(found.length).toBeGreaterThanOrEqual(lines);
    return found;
  }, PATIENCE);
}

/** A step that says that it has begun, and ends when a file is there. */
const until = (file: string): string =>
  `echo $PPID >> ${me.folder}/${file}.begun; until test -e ${me.folder}/${file}; do sleep 0.1; done; echo $WINDLASS_ATTEMPT >> ${me.folder}/${file}.done`;

/** Whoever comes next takes runners for lost at once, if he goes by their sessions: those are over, and nobody leads. */
async function sessionsOver(data: string): Promise<void> {
  const db = new DatabaseSync(join(me.folder, data, "windlass.db"), { readOnly: true });
  const count = (sql: string): unknown => db.prepare(sql).get(Date.now())?.["n"];
  try {
    await vi.waitFor(() => {
      expect(count("SELECT count(*) AS n FROM sessions WHERE owner LIKE 'job_%' AND expires_at < ?")).toBe(2);
      expect(
        count("SELECT count(*) AS n FROM leads WHERE chore = 'reconciler' AND expires_at >= ? AND session IN (SELECT id FROM sessions)"),
      ).toBe(0);
    }, PATIENCE);
  } finally {
    db.close();
  }
}

test.each(["SIGKILL", "SIGTERM"] as const)(
  "what steps come to while their server is away, ended by %s, counts when it is back",
  async (signal) => {
    const port = String(await freePort());
    const start = () => me.serverWith({ WINDLASS_RUNNER_SESSION_SECONDS: "1" }, "--data", "data", "--port", port);
    const first = await start();
    const api = apiOf(first, "data");
    const ids: string[] = [];
    for (const name of ["meanwhile", "afterwards"]) ids.push((await api.workflows.run({ source: isolated(name, until(name)) })).job.id);
    for (const name of ["meanwhile", "afterwards"]) await written(`${name}.begun`);
    first.kill(signal);
    await first.ended;
    me.write("meanwhile", "");
    await written("meanwhile.done");
    await sessionsOver("data");
    await start();
    expect(await ended(api, ids[0] ?? "")).toMatchObject({ outcome: "succeeded" });
    // The other one's runner has come back as well, and its step goes on as if nothing had been.
    me.write("afterwards", "");
    expect(await ended(api, ids[1] ?? "")).toMatchObject({ outcome: "succeeded" });
    expect([await written("meanwhile.done"), await written("afterwards.done")]).toEqual([["1"], ["1"]]);
    for (const id of ids) {
      const { items } = await api.jobs.list({ parentId: id });
      expect(items.map(({ key, outcome, attempts }) => `${key} ${outcome} ${attempts}`).toSorted()).toEqual([
        "#runner/0 succeeded 1",
        "work succeeded 1",
      ]);
    }
  },
);

/** A line to a server, as long as there is one behind it. */
async function line() {
  let behind: number | null = null;
  const server = createServer((from) => {
    from.on("error", () => {});
    if (behind === null) return void from.destroy();
    const to = connect(behind, "127.0.0.1");
    to.on("error", () => from.destroy()).on("close", () => from.destroy());
    from.on("close", () => to.destroy());
    from.pipe(to).pipe(from);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead: (port: number | null) => void (behind = port),
    close: () => server.close(),
  };
}

describe.skipIf(postgres.missing)("on two hosts", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("a runner whose host was given up is let in no more: what its step came to is refused, and it ends and says why", async () => {
    const store = await postgres.schema();
    const between = await line();
    const soon = {
      ...KEYS,
      WINDLASS_SESSION_TTL_SECONDS: "1",
      WINDLASS_HOST_LOST_AFTER_SECONDS: "1",
      WINDLASS_RUNNER_SESSION_SECONDS: "1",
    };
    const first = await me.serverWith({ ...soon, WINDLASS_RUNNER_URL: between.url }, "--store", store, "--data", "a");
    between.lead(Number(new URL(first.url).port));
    const script = `test $WINDLASS_ATTEMPT = 1 || exit 0; ${until("late")}`;
    const { id } = (await apiOf(first, "a").workflows.run({ source: isolated("late", script) })).job;
    const [runner] = await written("late.begun");
    const second = await me.serverWith(soon, "--store", store, "--data", "b");
    between.lead(null);
    first.kill("SIGKILL");
    await first.ended;
    const api = apiOf(second, "b");
    expect(await ended(api, id)).toMatchObject({ outcome: "succeeded" });
    me.write("late", "");
    await written("late.done");
    between.lead(Number(new URL(second.url).port));
    await vi.waitFor(() => expect(existsSync(`/proc/${runner}`)).toBe(false), PATIENCE);
    await vi.waitFor(() => {
      expect(below("a", "the server lets this runner in no more")).toContain("1.stderr.log");
      expect(below("a", '"exitCode":75')).toEqual(["exit.json"]);
    }, PATIENCE);
    const { items } = await api.jobs.list({ parentId: id });
    const work = items.find(({ key }) => key === "work");
    const attempts = await api.jobs.attempts({ id: work?.id ?? "" });
    expect(attempts.items.map(({ outcome, reason }) => [outcome, reason])).toEqual([
      ["failed_node_lost", expect.any(String)],
      ["succeeded", "ok"],
    ]);
    between.close();
  });
});

/** Files below a folder that hold a text. */
function below(data: string, text: string): readonly string[] {
  const folder = join(me.folder, data);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(text))
    .map(({ name }) => name);
}
