/**
 * Numbered migrations: how a stored schema becomes the one that this Windlass works with. A migration that was released
 * never changes. Each runs in the transaction that also stores its number, so a failed one leaves the old schema.
 */
import { WindlassError } from "@windlass/kernel";
import { firstMigration } from "./migration-0001.ts";
import { accessMigration } from "./migration-0002.ts";
import { slimmerMigration } from "./migration-0003.ts";
import { answersMigration } from "./migration-0004.ts";
import { placesMigration } from "./migration-0005.ts";
import { traceMigration } from "./migration-0006.ts";
import { queuesMigration } from "./migration-0007.ts";
import { deadLettersMigration } from "./migration-0008.ts";
import { listsMigration } from "./migration-0009.ts";
import { ownersMigration } from "./migration-0010.ts";
import { endsMigration } from "./migration-0011.ts";
import { secretsMigration } from "./migration-0012.ts";
import { observedMigration } from "./migration-0013.ts";
import { webhooksMigration } from "./migration-0014.ts";
import { conflictsMigration } from "./migration-0016.ts";
import { byQueueMigration } from "./migration-0015.ts";
import { schedulesMigration } from "./migration-0017.ts";
import { failingSchedulesMigration } from "./migration-0018.ts";
import { intakeMigration } from "./migration-0019.ts";
import { feedPlacesMigration } from "./migration-0020.ts";
import { disabledMigration } from "./migration-0021.ts";
import { cheapChecksMigration } from "./migration-0022.ts";
import { heldClaimsMigration } from "./migration-0023.ts";
import { roomMigration } from "./migration-0024.ts";
import { positionBlocksMigration } from "./migration-0025.ts";
import { eventGroupsMigration } from "./migration-0026.ts";
import { hostsMigration } from "./migration-0027.ts";
import { claimGroupsMigration } from "./migration-0028.ts";

/** How the two databases write what differs between them. */
export interface Dialect {
  readonly text: string;
  readonly integer: string;
  /** After the closing bracket of a table. */
  readonly table: string;
  /** The same for a table that is found by its primary key alone. */
  readonly keyedTable: string;
  /** The columns of `events` that give its order in the feed, and the statement that indexes them. */
  readonly feedColumns: string;
  readonly feedIndex: string | null;
  /** Whether single jobs and claims are acknowledged before they lie in their tables. */
  readonly hasIntake: boolean;
  /** Whether `IN` with a list is dearer than one comparison after the other. */
  readonly hasSlowLists: boolean;
  /** Whether a row that is changed becomes a second one, until the first is cleaned away. */
  readonly keepsVersions: boolean;
  /** Whether a sequence numbers the events. */
  readonly numbersEvents: boolean;
}

export type Migration = (dialect: Dialect) => readonly string[];

/** In order; the first has number 1. */
export const migrations: readonly Migration[] = [
  firstMigration,
  accessMigration,
  slimmerMigration,
  answersMigration,
  placesMigration,
  traceMigration,
  queuesMigration,
  deadLettersMigration,
  listsMigration,
  ownersMigration,
  endsMigration,
  secretsMigration,
  observedMigration,
  webhooksMigration,
  byQueueMigration,
  conflictsMigration,
  schedulesMigration,
  failingSchedulesMigration,
  intakeMigration,
  feedPlacesMigration,
  disabledMigration,
  cheapChecksMigration,
  heldClaimsMigration,
  roomMigration,
  positionBlocksMigration,
  eventGroupsMigration,
  hostsMigration,
  claimGroupsMigration,
];

export const sqliteDialect: Dialect = {
  text: "TEXT",
  integer: "INTEGER",
  table: " STRICT",
  keyedTable: " STRICT, WITHOUT ROWID",
  feedColumns: "position INTEGER PRIMARY KEY AUTOINCREMENT",
  feedIndex: null,
  hasIntake: true,
  hasSlowLists: true,
  keepsVersions: false,
  numbersEvents: false,
};

/** Decision 0002 shows why this number, and not the transaction's own, makes an order that nothing is missed in. */
export const FEED_MARK = "greatest(pg_current_xact_id()::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint - 1)";

export const postgresDialect: Dialect = {
  text: 'TEXT COLLATE "C"',
  integer: "BIGINT",
  table: "",
  keyedTable: "",
  feedColumns: `mark BIGINT NOT NULL DEFAULT ${FEED_MARK},
      position BIGINT GENERATED ALWAYS AS IDENTITY`,
  feedIndex: "CREATE INDEX events_feed ON events (mark, position)",
  hasIntake: false,
  hasSlowLists: false,
  keepsVersions: true,
  numbersEvents: true,
};

/**
 * The migrations that a schema of number `stored` still needs, with their numbers.
 * @throws WindlassError `schema_newer` when the store was written by a newer Windlass.
 */
export function migrationsAfter(
  stored: number,
  known: readonly Migration[] = migrations,
): readonly { readonly number: number; readonly migration: Migration }[] {
  if (stored > known.length) {
    throw new WindlassError(
      "schema_newer",
      `the store has schema ${stored}, this Windlass knows schemas up to ${known.length}: run the Windlass that wrote it, or a newer one`,
    );
  }
  return known.map((migration, index) => ({ number: index + 1, migration })).slice(stored);
}

/** The names of all tables that the migrations make. */
export function tableNames(known: readonly Migration[] = migrations): readonly string[] {
  const statements = known.flatMap((migration) => migration(postgresDialect));
  const names = statements.map((statement) => /^\s*CREATE TABLE (?:IF NOT EXISTS )?(\w+)/u.exec(statement)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))];
}
