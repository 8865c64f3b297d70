/** Brings the schema up to date, one process at a time. A migration that fails leaves the old schema. */
import type pg from "pg";
import { migrations, migrationsAfter, postgresDialect, type Migration } from "@windlass/sql";
import { SETTLE_MARKS } from "./settle-marks.ts";
import { inTransaction } from "./transaction.ts";

/** Any number that nobody else locks: "windlass" in eight bits a letter, cut to what fits. */
const MIGRATION_LOCK = 2_003_394_668;

/** @throws WindlassError `schema_newer`. */
export async function migrate(pool: pg.Pool, known: readonly Migration[] = migrations): Promise<void> {
  await inTransaction(pool, async (db) => {
    await db.once("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
    await db.once("CREATE TABLE IF NOT EXISTS windlass_schema (number BIGINT NOT NULL)", []);
    const [row] = await db.once("SELECT coalesce(max(number), 0) FROM windlass_schema", []);
    for (const { number, migration } of migrationsAfter(row?.[0] as number, known)) {
      for (const statement of migration(postgresDialect)) await db.once(statement, []);
      await db.once("INSERT INTO windlass_schema (number) VALUES ($1)", [number]);
    }
    // Somebody may have restored it by hand, into another cluster.
    await db.once(SETTLE_MARKS, []);
  });
}
