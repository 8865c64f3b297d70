/**
 * A server whose PostgreSQL is on a disk that is full: what cannot be stored is refused, and all goes on once there is room,
 * by itself where PostgreSQL lives, and when somebody has started it again where it does not.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { client } from "@windlass/sdk";
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { stranger, until, type Stranger } from "../e2e/stranger.ts";
import { readEffects } from "./effects.ts";
import { smallDisk, type SmallDisk } from "./small-disk.ts";
import { RETRY, STEADY_HANDLERS, steadyUsers, USERS, violationsIn } from "./steady-users.ts";

/** PostgreSQL takes some 60 MB before it holds anything. */
const DISK_BYTES = 128 * 1024 ** 2;
/** The disk is full for longer than this. */
const ENVIRONMENT = { WINDLASS_SESSION_TTL_SECONDS: "2" };
const PATIENCE = { timeout: 60_000, interval: 50 };
const TIMEOUT_MS = 300_000;
const INPUT_LENGTH = 8_000;
/** Each user asks again ten times a second. */
const REFUSALS_OF_A_WHILE = 50;
const ENTERED_BY_ALL = 0o711;

const programs = findPostgres(process.env);
if (programs === null && process.env["CI"] === "true") throw new Error("PostgreSQL is not installed");

describe.skipIf(programs === null)("a server and a worker on a PostgreSQL whose disk is full", () => {
  let here: Stranger;
  let folder: string;
  let disk: SmallDisk | null;
  let postgres: PostgresServer | null = null;
  beforeEach(async () => {
    here = stranger();
    here.write("handlers.ts", STEADY_HANDLERS);
    here.write("effects", "");
    folder = mkdtempSync(join(tmpdir(), "windlass-small-disk-"));
    disk = smallDisk(folder, DISK_BYTES);
    if (disk === null) return;
    chmodSync(folder, ENTERED_BY_ALL);
    postgres = await startPostgres(programs ?? "", { within: folder });
  });
  afterEach(async () => {
    disk?.free();
    await here.leave();
    await postgres?.stop();
    disk?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  test("nothing acknowledged is lost, what runs goes on, and all goes on once there is room", { timeout: TIMEOUT_MS }, async ({ skip }) => {
    if (disk === null || postgres === null) return skip("no small disk can be mounted here");
    const url = await postgres.schema();
    const server = await here.serverWith(ENVIRONMENT, "--data", "data", "--store", url);
    const token = readFileSync(join(here.folder, "data", "token"), "utf8").trim();
    const api = client({ url: server.url, token, retries: 0 });
    const worker = here.start(["worker", "--handlers", "handlers.ts", "--server", server.url, "--token", token]);
    await until(worker, "A worker of");
    const slow = (await api.jobs.submit({ name: "slow", executor: "handler", spec: { handler: "slow" }, retry: RETRY })).id;
    const users = steadyUsers([api], INPUT_LENGTH);
    await vi.waitFor(() => expect(users.acknowledged.length).toBeGreaterThan(20), PATIENCE);

    disk.fill();
    await vi.waitFor(() => expect(users.refusals.length).toBeGreaterThan(4 * USERS), PATIENCE);
    expect(users.refusals).toContainEqual(expect.stringMatching(/^unavailable: the disk of the store is full.*Make room/u));
    expect(users.refusals.filter((refusal) => !refusal.startsWith("unavailable: "))).toEqual([]);
    // What ends now is kept: nobody can store it yet.
    writeFileSync(join(here.folder, "go"), "");
    const effectsFile = join(here.folder, "effects");
    await vi.waitFor(
      () => expect(readEffects(effectsFile).filter(({ what, jobId }) => what === "end" && jobId === slow)).toHaveLength(1),
      PATIENCE,
    );
    const refused = users.refusals.length;
    await vi.waitFor(() => expect(users.refusals.length).toBeGreaterThan(refused + USERS * REFUSALS_OF_A_WHILE), PATIENCE);
    disk.free();
    // One that could not write its log has ended, as on any machine, and is started again; one that lives stays as it is.
    await postgres.revive();

    const before = users.acknowledged.length;
    await vi.waitFor(() => expect(users.acknowledged.length).toBeGreaterThan(before + 20), PATIENCE);
    await users.stop();
    for (const { id } of users.acknowledged) expect((await api.wait(id)).state).toBe("succeeded");
    expect((await api.wait(slow)).state).toBe("succeeded");
    expect(here.stillRunning()).toBe(2);
    await here.stopServers();
    expect(await violationsIn(url, { acknowledged: users.acknowledged, effectsFile })).toEqual([]);
  });
});
