/**
 * A program of its own: answers each request with the jobs that it asks for, one or a list of always the same length, by `node:http`, once SQLite has the rows of jobs
 * that are like them in one commit; without an id of a job in the store, one row of one table. On its event loop: a thread for SQLite would be two hops more. Tells its parent the port.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { COMMITTED_AT_ONCE, copiesOf, idAfter } from "./copied-rows.ts";

const [folder = "", copied = "", jobsOfEach = "1"] = process.argv.slice(2);
const group = Number(jobsOfEach);
const insert = copied === "" ? insertOne() : insertCopies();
let count = 0;
const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => void pieces.push(piece));
  request.once("end", () => {
    const asked = JSON.parse(Buffer.concat(pieces).toString()) as object | readonly object[];
    const jobs = Array.isArray(asked) ? (asked as readonly object[]) : [asked];
    const ids = jobs.map(() => idAfter(copied === "" ? "job_00000000000000000000000000" : copied, ++count));
    insert(ids, jobs);
    const createdAt = new Date().toISOString();
    const made = jobs.map((job, i) => ({ id: ids[i], created: true, job: { ...job, id: ids[i], state: "queued", createdAt } }));
    const text = JSON.stringify(Array.isArray(asked) ? made : made[0]);
    response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));

function insertCopies(): (ids: readonly string[]) => void {
  const db = opened("windlass.db");
  const copies = copiesOf(db, { id: copied, rows: group });
  const [begin, commit] = [db.prepare("BEGIN IMMEDIATE"), db.prepare("COMMIT")];
  return (ids) => {
    begin.run();
    for (const copy of copies) copy.insert.run(...copy.common, ...ids);
    commit.run();
  };
}

/** A statement by itself is a transaction. */
function insertOne(): (ids: readonly string[], jobs: readonly object[]) => void {
  const db = opened("one.db");
  db.exec("CREATE TABLE jobs (number INTEGER PRIMARY KEY, id TEXT NOT NULL, job TEXT NOT NULL)");
  const row = db.prepare("INSERT INTO jobs (id, job) VALUES (?, ?)");
  return ([id = ""], [job]) => void row.run(id, JSON.stringify(job));
}

function opened(name: string): DatabaseSync {
  const db = new DatabaseSync(join(folder, name));
  db.exec(COMMITTED_AT_ONCE);
  return db;
}
