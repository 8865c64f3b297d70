/** Back-ups of servers that work, and what a restore makes of them, on both stores. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { JobDetailJson } from "@windlass/contract";
import { client, type Client } from "@windlass/sdk";
import { testPostgres } from "@windlass/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, type Stranger } from "./stranger.ts";

const PATIENCE = { timeout: 60_000, interval: 100 };

let here: Stranger;
beforeEach(() => {
  here = stranger();
});
afterEach(() => here.leave());

async function serve(data: string, ...args: readonly string[]): Promise<Client> {
  const { url } = await here.server("--data", data, ...args);
  return client({ url, token: readFileSync(join(here.folder, data, "token"), "utf8").trim() });
}

const effectsOf = (id: string): number =>
  readFileSync(join(here.folder, "effects"), "utf8")
    .split("\n")
    .filter((line) => line === id).length;

/** Leaves a trace, prints, and ends when it is told to. */
const submit = (api: Client, script = "", more: object = {}) =>
  api.jobs.submit({
    name: "work",
    executor: "process",
    spec: { script: `echo "$WINDLASS_JOB" >> "${here.folder}/effects"; echo "printed by $WINDLASS_JOB"; ${script}` },
    ...more,
  });

/** Backs a working server up, and starts another one on what was restored. Answers with how a new job ended there. */
async function backUpAndRestore(args: { readonly from: readonly string[]; readonly to: readonly string[] }): Promise<string> {
  here.write("effects", "");
  const api = await serve("one", ...args.from);
  const ended: string[] = [];
  for (let i = 0; i < 5; i++) ended.push((await submit(api)).id);
  for (const id of ended) expect((await api.wait(id)).state).toBe("succeeded");
  const endless = `while test ! -e "${here.folder}/enough"; do sleep 0.05; done`;
  // What was lost with its host is repeated unless the job says otherwise.
  const retried = await submit(api, endless);
  const alone = await submit(api, endless, { retry: { limit: 0 } });
  await vi.waitFor(() => expect(effectsOf(retried.id) + effectsOf(alone.id)).toBe(2), PATIENCE);
  const later = (await submit(api, "", { notBefore: "2100-01-01T00:00:00Z" })).id;

  const acknowledged: string[] = [];
  const load = new AbortController();
  const loading = (async () => {
    while (!load.signal.aborted)
      acknowledged.push((await api.jobs.submit({ name: "load", executor: "handler", spec: { handler: "none" } })).id);
  })();
  await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(20), PATIENCE);
  const before = acknowledged.length;
  const taken = await here.windlass("backup", "copy", "--data", "one", "--json");
  load.abort();
  await loading;
  expect(taken).toMatchObject({ code: 0 });
  expect(JSON.parse(taken.stdout)).toMatchObject({ underWay: 2 });
  const open = readdirSync(join(here.folder, "copy"), { recursive: true, encoding: "utf8" }).filter(
    (path) => (statSync(join(here.folder, "copy", path)).mode & 0o077) !== 0,
  );
  expect(open).toEqual([]);
  expect(await here.windlass("backup", "copy", "--verify")).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("every file is there, and as its checksum says"),
  });
  expect(await here.windlass("backup", "copy", "--data", "one")).toMatchObject({
    code: 4,
    stderr: expect.stringContaining("is there already"),
  });
  here.write("enough", "");

  const restored = await here.windlass("restore", "copy", "--data", "two", ...args.to);
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringContaining("2 attempts") });
  const other = await serve("two", ...args.to);
  for (const id of [...ended, later, ...acknowledged.slice(0, before)]) {
    const events = (await other.jobs.events({ id })).items;
    expect(events.map((event) => event.seq)).toEqual(events.map((_, index) => index + 1));
  }
  expect((await other.wait(alone.id)).outcome).toBe("failed_node_lost");
  const again: JobDetailJson = await other.wait(retried.id);
  expect([again.state, again.attempts]).toEqual(["succeeded", 2]);
  for (const id of ended) {
    expect(effectsOf(id)).toBe(1);
    expect(Buffer.concat(await Array.fromAsync(await other.jobs.rawLogs({ id }))).toString()).toBe(`printed by ${id}\n`);
  }
  expect((await other.jobs.get({ id: later })).state).toBe("scheduled");
  return (await other.wait((await submit(other)).id)).state;
}

test("a server on SQLite is backed up while it works; nothing acknowledged is lost, and nothing that ended runs again", async () => {
  expect(await backUpAndRestore({ from: [], to: [] })).toBe("succeeded");
});

test("over the API a server writes below its folder for back-ups alone", async () => {
  const { url } = await here.server("--data", "one");
  const token = readFileSync(join(here.folder, "one", "token"), "utf8").trim();
  const api = client({ url, token });
  for (const folder of ["../outside", join(here.folder, "outside"), "a/../../../outside"])
    await expect(Array.fromAsync(api.backups.create({ folder }))).rejects.toMatchObject({ code: "invalid", faults: [{ path: "folder" }] });
  const elsewhere = (...args: readonly string[]) => here.start(["backup", ...args, "--server", url], { WINDLASS_TOKEN: token }).ended;
  expect(await elsewhere("monday")).toMatchObject({ code: 0, stdout: expect.stringContaining(join("one", "backups", "monday")) });
  expect(await elsewhere("../tuesday")).toMatchObject({ code: 2, stderr: expect.stringContaining("WINDLASS_BACKUP_FOLDER") });
  expect(await here.windlass("backup", join("one", "backups", "monday"), "--verify")).toMatchObject({ code: 0 });
  symlinkSync(here.folder, join(here.folder, "one", "backups", "link"));
  await expect(Array.fromAsync(api.backups.create({ folder: "link/outside" }))).rejects.toMatchObject({ code: "invalid" });
  expect(existsSync(join(here.folder, "outside"))).toBe(false);
});

/** The real one is the next in PATH, or where Debian keeps it. */
const PSQL_THAT_KILLS = `#!/bin/sh
here=$(dirname "$0")
real=$(PATH=$(echo "$PATH" | sed "s|$here:||") command -v psql || ls /usr/lib/postgresql/*/bin/psql | tail -n 1)
"$real" "$@" || exit
[ "$1" = --version ] || kill -9 $PPID
`;

const postgres = testPostgres();
describe.skipIf(postgres.missing)("on PostgreSQL", () => {
  beforeAll(() => postgres.start());
  afterAll(() => postgres.stop());

  test("a server is backed up while it works, and restored into an empty database only", async () => {
    const [from, to] = [await postgres.database(), await postgres.database()];
    expect(await backUpAndRestore({ from: ["--store", from], to: ["--store", to] })).toBe("succeeded");
    const refused = await here.windlass("restore", "copy", "--data", "three", "--store", to);
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("already") });
    expect(existsSync(join(here.folder, "three"))).toBe(false);
  });

  test("a restore that was killed when the store was there and the folder was not is done again, and finishes", async () => {
    const [from, to] = [await postgres.database(), await postgres.database()];
    here.write("effects", "");
    const api = await serve("one", "--store", from);
    const { id } = await submit(api);
    await api.wait(id);
    expect(await here.windlass("backup", "copy", "--data", "one")).toMatchObject({ code: 0 });
    // A psql that ends whoever started it once it has done its work, which ends with the COMMIT.
    mkdirSync(join(here.folder, "bin"));
    writeFileSync(join(here.folder, "bin", "psql"), PSQL_THAT_KILLS, { mode: 0o755 });
    const restore = ["restore", "copy", "--data", "two", "--store", to];
    const killed = here.start(restore, { PATH: `${join(here.folder, "bin")}:${process.env["PATH"] ?? ""}` });
    expect((await killed.ended).code).toBeNull();
    expect(readdirSync(here.folder).filter((name) => name.startsWith("two"))).toEqual([`two.partial-${killed.pid}`]);
    expect(await here.windlass(...restore)).toMatchObject({ code: 0 });
    expect(readdirSync(here.folder).filter((name) => name.startsWith("two"))).toEqual(["two"]);
    const other = await serve("two", "--store", to);
    expect((await other.jobs.get({ id })).state).toBe("succeeded");
    expect(Buffer.concat(await Array.fromAsync(await other.jobs.rawLogs({ id }))).toString()).toBe(`printed by ${id}\n`);
    expect(await here.windlass("restore", "copy", "--data", "three", "--store", to)).toMatchObject({ code: 4 });
  });
});

test("a back-up that was altered or cut off, and a folder that is used or not empty, are refused; nothing is left behind", async () => {
  here.write("effects", "");
  const api = await serve("one");
  const { id } = await submit(api);
  await api.wait(id);
  expect(await here.windlass("restore", "nothing", "--data", "two")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("no back-up"),
  });
  expect(await here.windlass("backup", "copy", "--data", "one")).toMatchObject({ code: 0 });
  const damage = {
    log: (folder: string) => appendFileSync(join(folder, "logs", id, "1.stdout.log"), "!"),
    store: (folder: string) => truncateSync(join(folder, "windlass.db"), 20_000),
    checksums: (folder: string) => appendFileSync(join(folder, "checksums"), "\n"),
    manifest: (folder: string) => truncateSync(join(folder, "manifest.json"), 100),
  };
  for (const [name, harm] of Object.entries(damage)) {
    cpSync(join(here.folder, "copy"), join(here.folder, name), { recursive: true });
    harm(join(here.folder, name));
    const refused = await here.windlass("restore", name, "--data", "two");
    expect([name, refused.code, refused.stderr]).toEqual([name, 2, expect.stringContaining("damaged")]);
  }
  expect(await here.windlass("restore", "copy", "--data", "one")).toMatchObject({ code: 4, stderr: expect.stringContaining("in use") });
  here.write("full", "");
  expect(readdirSync(here.folder).toSorted()).toEqual(["checksums", "copy", "effects", "full", "log", "manifest", "one", "store"]);
  expect(await here.windlass("restore", "copy", "--data", "log")).toMatchObject({ code: 4, stderr: expect.stringContaining("not empty") });
});
