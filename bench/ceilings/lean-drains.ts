/**
 * What a queue of three columns takes: so many jobs claimed with one commit and removed with the next, one batch after the
 * other, no history, no rule. Nothing that keeps a record of its jobs is as fast; it shows how far away that is.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { temporaryFolder } from "../cleanup.ts";
import { PAYLOAD } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING } from "../servers/postgres.ts";

const COUNT = { full: 20_000, quick: 1_000 } as const;
const LEAN = "CREATE TABLE lean (id INTEGER PRIMARY KEY, state TEXT NOT NULL, payload TEXT NOT NULL)";
const READY = "CREATE INDEX lean_ready ON lean (id) WHERE state = 'queued'";
const payload = JSON.stringify(PAYLOAD);

export const leanSqlite = (batch: number): Entrant => ({
  name: `ceiling: lean SQLite table, ${batch} at a time`,
  missing: () => null,
  async measure(scale) {
    const { folder, remove } = temporaryFolder("lean");
    const db = new DatabaseSync(join(folder, "lean.db"));
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; ${LEAN}; ${READY}; BEGIN`);
    const insert = db.prepare("INSERT INTO lean (id, state, payload) VALUES (?, 'queued', ?)");
    for (let id = 1; id <= COUNT[scale]; id++) insert.run(id, payload);
    db.exec("COMMIT");
    const claim = db.prepare(
      "UPDATE lean SET state = 'running' WHERE id IN (SELECT id FROM lean WHERE state = 'queued' ORDER BY id LIMIT ?) RETURNING id, payload",
    );
    const end = db.prepare("DELETE FROM lean WHERE id IN (SELECT value FROM json_each(?))");
    const from = performance.now();
    for (let rows = claim.all(batch); rows.length > 0; rows = claim.all(batch)) end.run(JSON.stringify(rows.map((row) => row["id"])));
    const seconds = (performance.now() - from) / 1_000;
    db.close();
    await remove();
    return { "": COUNT[scale] / seconds };
  },
});

export const leanPostgres = (batch: number): Entrant => ({
  name: `ceiling: lean PostgreSQL table, ${batch} at a time`,
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async measure(scale) {
    const database = await postgresDatabase();
    await database.query(LEAN);
    await database.query(READY);
    await database.query("INSERT INTO lean SELECT n, 'queued', $2::text FROM generate_series(1, $1::int) n", [COUNT[scale], payload]);
    const claim = `UPDATE lean SET state = 'running'
      WHERE id IN (SELECT id FROM lean WHERE state = 'queued' ORDER BY id LIMIT ${batch} FOR UPDATE SKIP LOCKED) RETURNING id, payload`;
    const from = performance.now();
    for (let rows = await database.query(claim); rows.length > 0; rows = await database.query(claim))
      await database.query("DELETE FROM lean WHERE id = ANY($1::int[])", [rows.map((row) => row["id"])]);
    const seconds = (performance.now() - from) / 1_000;
    await database.drop();
    return { "": COUNT[scale] / seconds };
  },
});
