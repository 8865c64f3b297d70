/** Commits of one small row, or of 50 of them, on one connection: what this PostgreSQL on this disk allows. */
import { PAYLOAD } from "../contenders/contender.ts";
import type { Entrant } from "../row.ts";
import { hasPostgres, postgresDatabase, POSTGRES_MISSING } from "../servers/postgres.ts";

const SAMPLE_MS = { full: 1_000, quick: 100 } as const;
const payload = JSON.stringify(PAYLOAD);

export const postgresCommits = (rows: number): Entrant => ({
  name: `ceiling: PostgreSQL, ${rows === 1 ? "one row" : `${rows} rows`} a commit`,
  missing: () => (hasPostgres() ? null : POSTGRES_MISSING),
  async measure(scale) {
    const database = await postgresDatabase();
    await database.query("CREATE TABLE lean (id BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY, payload TEXT NOT NULL)");
    const insert = "INSERT INTO lean (payload) SELECT unnest($1::text[])";
    const values = [Array.from({ length: rows }, () => payload)];
    let count = 0;
    const from = performance.now();
    for (; performance.now() - from < SAMPLE_MS[scale]; count += rows) await database.query(insert, values);
    const seconds = (performance.now() - from) / 1_000;
    await database.drop();
    return { "": count / seconds };
  },
});
