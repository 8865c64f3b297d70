/** The program of the crash tests: submits until it is killed, and prints the id of each job that was acknowledged. */
import { writeSync } from "node:fs";
import type { JobRecord } from "@windlass/kernel";
import type { Clock } from "@windlass/ports";
import { openSqliteStore } from "./sqlite-store.ts";

const [path = "", template = "", round = "", mode = ""] = process.argv.slice(2);
const job = JSON.parse(template) as JobRecord;
const clock: Clock = { now: () => 0, monotonic: () => 0, after: () => () => {} };
const store = await openSqliteStore({ path, clock });
/** Several at once, so that commits share transactions. */
const WRITERS = 4;

async function write(writer: number): Promise<never> {
  for (let n = 0; ; n++) {
    const ids = [`job_${round}_${writer}_${n}_a`, `job_${round}_${writer}_${n}_b`];
    await store.jobs.commit(
      ids.map((id) => ({ type: "submit", job: { ...job, id, rootId: id } })),
      job.createdAt,
    );
    writeSync(1, `${ids.join("\n")}\n`);
  }
}

/** One after the other, so that each is taken in (intake.ts). */
async function writeSingly(): Promise<never> {
  for (let n = 0; ; n++) {
    const id = `job_${round}_${String(n).padStart(6, "0")}`;
    await store.jobs.commit([{ type: "submit", job: { ...job, id, rootId: id } }], job.createdAt);
    writeSync(1, `${id}\n`);
  }
}

if (mode === "singly") await writeSingly();
await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
