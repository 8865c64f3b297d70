/** S1 on SQLite: what was acknowledged survives the death of the process at any moment, also what lies in the intake then. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { jobRecord } from "@windlass/testkit";
import { fakeClock } from "@windlass/testkit/fakes";
import { Database } from "./database.ts";
import { openSqliteStore } from "./sqlite-store.ts";

/** After how many lines each of the processes is killed: in the middle of whatever it then does. */
const KILLED_AFTER = [1, 7, 40, 150, 333];
/** One digit each, for jobs are listed by their ids. */
const ROUNDS_MAX = 10;

test("every acknowledged commit is there after the process was killed, whole and in order", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-crash-"));
  const path = join(folder, "windlass.db");
  try {
    const acknowledged: string[] = [];
    for (const [round, lines] of KILLED_AFTER.entries()) acknowledged.push(...(await writeUntilKilled(path, { round, lines })));
    expect(acknowledged.length).toBeGreaterThan(KILLED_AFTER.reduce((sum, lines) => sum + lines, 0) - KILLED_AFTER.length);
    const store = await openSqliteStore({ path, clock: fakeClock() });
    const found = new Set((await store.jobs.records(acknowledged)).map((record) => record.id));
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
    // A commit is there whole or not at all: its two jobs, with their live rows and events.
    const all = (await store.reads.list({ workspace: "default", limit: 100_000 })).map((view) => view.record.id);
    for (const id of all) expect(all.includes(id.endsWith("_a") ? `${id.slice(0, -1)}b` : `${id.slice(0, -1)}a`)).toBe(true);
    expect((await store.jobs.live({}, 100_000)).length).toBe(all.length);
    expect((await store.reads.feed("", 100_000)).length).toBe(all.length);
    await store.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("every single job that was acknowledged is there once, in order, wherever it lay when the process was killed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "windlass-crash-"));
  const path = join(folder, "windlass.db");
  try {
    let lay = 0;
    const acknowledged: string[] = [];
    let round = 0;
    // Each is killed within milliseconds of an answer, unless the machine is too busy for that: then nothing may lie there any more.
    for (; round < KILLED_AFTER.length || (lay === 0 && round < ROUNDS_MAX); round++) {
      acknowledged.push(...(await writeUntilKilled(path, { round, lines: KILLED_AFTER[round] ?? 1, mode: "singly" })));
      lay += rowsIn(path, "intake");
    }
    expect(lay, "or this would be no test of it").toBeGreaterThan(0);
    const store = await openSqliteStore({ path, clock: fakeClock() });
    const all = (await store.reads.list({ workspace: "default", limit: 100_000, order: "oldest" })).map((view) => view.record.id);
    expect(acknowledged.filter((id) => !all.includes(id))).toEqual([]);
    // At most one of each round was stored and not acknowledged any more.
    expect(all.length - acknowledged.length).toBeLessThanOrEqual(2 * round);
    expect((await store.reads.feed("", 100_000)).map(({ event }) => event.jobId)).toEqual(all);
    expect((await store.jobs.live({}, 100_000)).map(({ id }) => id).toSorted()).toEqual(all);
    expect(rowsIn(path, "intake")).toBe(0);
    await store.close();
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** Beside whoever may have the file open. */
function rowsIn(path: string, table: string): number {
  const db = new Database(path);
  try {
    return Number(db.get(`SELECT count(*) FROM ${table}`)?.[0]);
  } finally {
    db.close();
  }
}

interface Round {
  readonly round: number;
  readonly lines: number;
  readonly mode?: string;
}

async function writeUntilKilled(path: string, { round, lines, mode = "" }: Round): Promise<string[]> {
  const program = join(import.meta.dirname, "crash-fixture.ts");
  const child = spawn(process.execPath, [program, path, JSON.stringify(jobRecord()), String(round), mode], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    if (text.split("\n").length > lines) child.kill("SIGKILL");
  });
  await once(child, "close");
  expect(child.signalCode).toBe("SIGKILL");
  // The last line may have been cut.
  return text.split("\n").slice(0, -1);
}
