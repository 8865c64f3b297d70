/**
 * A server on a disk that is full: what cannot be stored is refused and says why, what runs goes on, and all goes on by
 * itself once there is room. The history is checked as after a round of chaos.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { programLog } from "../../programs/cli/src/machine/program-log.ts";
import { endSupervisor, stranger, until, type Stranger } from "../e2e/stranger.ts";
import { EFFECTS_VARIABLE, readEffects } from "./effects.ts";
import { smallDisk, type SmallDisk } from "./small-disk.ts";
import { RETRY, STEADY_HANDLERS, steadyUsers, USERS, violationsIn } from "./steady-users.ts";

const DISK_BYTES = 48 * 1024 ** 2;
/** The disk is full for longer than this: no session of the server is lost by that. */
const TTL = "2";
const TIMEOUT_MS = 300_000;
const INPUT_LENGTH = 8_000;
/** A worker elsewhere goes by a time of its own, which a full disk may outlast where everything takes long. */
const WORKER_TTL = "5m";
const PATIENCE = { timeout: 60_000, interval: 50 };
/** Each user asks again ten times a second. */
const REFUSALS_OF_A_WHILE = 50;

let here: Stranger;
let folder: string;
let disk: SmallDisk | null;
beforeEach(() => {
  here = stranger();
  here.write("handlers.ts", STEADY_HANDLERS);
  here.write("effects", "");
  folder = mkdtempSync(join(tmpdir(), "windlass-small-disk-"));
  disk = smallDisk(folder, DISK_BYTES);
});
afterEach(async () => {
  // A test that failed while it was full would wait for results that nobody can store.
  disk?.free();
  await here.stopServers();
  await endSupervisor(join(folder, "data"));
  disk?.remove();
  rmSync(folder, { recursive: true, force: true });
  await here.leave();
});

test(
  "a full disk refuses what is new and says so, loses nothing, and all goes on by itself once there is room",
  { timeout: TIMEOUT_MS },
  async ({ skip }) => {
    if (disk === null) return skip("no small disk can be mounted here");
    const data = join(folder, "data");
    const server = await here.serverWith({ WINDLASS_SESSION_TTL_SECONDS: TTL }, "--data", data);
    const token = readFileSync(join(data, "token"), "utf8").trim();
    const api = client({ url: server.url, token, retries: 0 });
    const worker = here.start([
      "worker",
      "--handlers",
      "handlers.ts",
      "--session-ttl",
      WORKER_TTL,
      "--server",
      server.url,
      "--token",
      token,
    ]);
    await until(worker, "A worker of");
    const effectsFile = join(here.folder, "effects");
    const note = (what: string): string => `echo "${what} $WINDLASS_JOB $WINDLASS_ATTEMPT $$" >> "$${EFFECTS_VARIABLE}"`;
    // They print all the time until that file is there, so their logs miss what they print while there is no room.
    const printsUntil = async (file: string): Promise<string> => {
      const loop = `until [ -e "${here.folder}/${file}" ]; do printf 'line %2000s\\n' .; sleep 0.05; done; echo after`;
      const spec = { script: [note("start"), loop, note("end")].join("\n"), env: { [EFFECTS_VARIABLE]: effectsFile } };
      return (await api.jobs.submit({ name: "process", executor: "process", spec })).id;
    };
    const [early, late] = [await printsUntil("go"), await printsUntil("room")];
    const slow = (await api.jobs.submit({ name: "slow", executor: "handler", spec: { handler: "slow" }, retry: RETRY })).id;
    await vi.waitFor(() => expect(readEffects(effectsFile)).toHaveLength(3), PATIENCE);

    const told = steadyUsers([api], INPUT_LENGTH);
    await vi.waitFor(() => expect(told.acknowledged.length).toBeGreaterThan(20), PATIENCE);
    disk.fill();
    await vi.waitFor(() => expect(told.refusals.length).toBeGreaterThan(4 * USERS), PATIENCE);
    expect([...new Set(told.refusals)]).toEqual([expect.stringMatching(/^unavailable: the disk of the store is full.*Make room/u)]);
    // What can be read is read.
    expect((await api.jobs.get({ id: early })).state).toBe("running");
    expect((await api.jobs.list({ limit: 10 })).items).toHaveLength(10);
    // What little is left at the end of the log takes a write as small as this for a while.
    await vi.waitFor(async () => {
      const ready = await fetch(`${server.url}/readyz`);
      expect([ready.status, await ready.text()]).toEqual([503, expect.stringContaining("the disk of the store is full")]);
    }, PATIENCE);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    const doctor = await here.windlass("doctor", "--data", data);
    expect([doctor.code, doctor.stdout]).toEqual([4, expect.stringContaining("is full")]);
    // What ends now is kept: nobody can store it yet.
    writeFileSync(join(here.folder, "go"), "");
    const ended = (): unknown[] => readEffects(effectsFile).filter(({ what, jobId }) => what === "end" && [early, slow].includes(jobId));
    await vi.waitFor(() => expect(ended()).toHaveLength(2), PATIENCE);
    // Long enough for everybody who tries again, and complains, to have done so several times.
    const refused = told.refusals.length;
    await vi.waitFor(() => expect(told.refusals.length).toBeGreaterThan(refused + USERS * REFUSALS_OF_A_WHILE), PATIENCE);
    disk.free();

    const before = told.acknowledged.length;
    await vi.waitFor(() => expect(told.acknowledged.length).toBeGreaterThan(before + 20), PATIENCE);
    await told.stop();
    const logOf = async (id: string): Promise<string> => Buffer.concat(await Array.fromAsync(await api.jobs.rawLogs({ id }))).toString();
    await vi.waitFor(async () => expect(await logOf(late)).toMatch(/\[windlass: .* left out here: ENOSPC/u), PATIENCE);
    writeFileSync(join(here.folder, "room"), "");
    for (const id of [early, late, slow]) expect(await api.wait(id)).toMatchObject({ state: "succeeded", attempts: 1 });
    expect((await logOf(late)).endsWith("after\n")).toBe(true);
    for (const { id } of told.acknowledged) expect((await api.wait(id)).state).toBe("succeeded");
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    await here.stopServers();

    expect(await violationsIn(join(data, "windlass.db"), { acknowledged: told.acknowledged, effectsFile })).toEqual([]);
    expect(existsSync(join(data, "server.json"))).toBe(false);
  },
);

test("a program whose own log cannot be written goes on, and what it had to say is there once there is room", ({ skip }) => {
  if (disk === null) return skip("no small disk can be mounted here");
  const file = join(folder, "log", "server.log");
  const log = programLog({ file }, "info");
  disk.fill();
  for (let i = 0; i < 100; i++) log.info(`while it is full ${i} ${"x".repeat(500)}`);
  disk.free();
  log.info("afterwards");
  const lines = readFileSync(file, "utf8").trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg).at(-1)).toBe("afterwards");
  expect(lines.length).toBeGreaterThan(50);
});
