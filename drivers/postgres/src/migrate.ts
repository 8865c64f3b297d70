/** Brings the schema up to date, one process at a time. A migration that fails leaves the old schema. */
import type pg from "pg";
import { WindlassError } from "@windlass/kernel";
import { migrations, migrationsAfter, POSITIONS, postgresDialect, tableNames, type Migration } from "@windlass/sql";
import type { Querier } from "./connection.ts";
import { settleMarks } from "./settle-marks.ts";
import { inTransaction } from "./transaction.ts";

/** Any number that nobody else locks: "windlass" in eight bits a letter, cut to what fits. */
const MIGRATION_LOCK = 2_003_394_668;

/** @throws WindlassError `schema_newer`; `unavailable` to whoever may not number events. */
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
    await db.once(settleMarks(new Set(tableNames(known))), []);
    await checkNumbering(db);
  });
}

/** What PostgreSQL numbers by itself asks for rights on the table only; we take the numbers from its sequence. */
async function checkNumbering(db: Querier): Promise<void> {
  const [lacking] = await db.once(LACKING, []);
  if (lacking === undefined) return;
  throw new WindlassError(
    "unavailable",
    `the role ${String(lacking[0])} has no right USAGE on the sequence ${POSITIONS}, so it cannot write events; its owner gives it with: ${String(lacking[1])}`,
  );
}

/** `nextval` wants one of the two. */
const LACKING = `SELECT current_user::text, format('GRANT USAGE ON SEQUENCE %I.%I TO %I', n.nspname, c.relname, current_user)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = to_regclass('${POSITIONS}') AND NOT has_sequence_privilege(c.oid, 'USAGE, UPDATE')`;
