/**
 * One connection to a SQLite file: settings, migrations, and statements prepared once each. Synchronous.
 * WAL with `synchronous = FULL`: what a COMMIT has answered survives a power cut (S1), and readers never wait for it. The
 * writer thread flushes by itself instead (flushing.ts).
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { assert } from "@windlass/kernel";
import { FeedPositions } from "./feed-positions.ts";
import { HeldClaims } from "./held-claims.ts";
import { HotRows } from "./hot-rows.ts";
import { Intake } from "./intake.ts";
import { migrations, migrationsAfter, sqliteDialect, Turns, type Migration, type SqlValue } from "@windlass/sql";
import { WaitingClaims } from "./waiting-claims.ts";

export type Row = readonly SqlValue[];

/** How long a statement waits for another process that writes (a backup, a `sqlite3` shell). */
const BUSY_MS = 5_000;
/**
 * Pages in the log after which a commit moves them into the file (64 MB); the writer thread does so, away from the event
 * loop. What live jobs lie in is written again and again, and moved once for all of that.
 */
export const CHECKPOINT_PAGES = 16_000;
/** Pages kept in memory: 64 MB for who writes, 16 MB for who reads. The built-in 2 MB hold the leaves of a few thousand jobs. */
const CACHE_KIB = { writer: 65_536, reader: 16_384 } as const;

/**
 * SQLite prepares a statement anew each time a parameter is bound by whose value its planner may choose another plan
 * (https://sqlite.org/c3ref/prepare.html): a limit, and what is compared with a column that a partial index is about. That takes ten times
 * as long as most of our statements. It does not look into an expression. So a statement that is to go by a partial index compares with a literal.
 */
const LOOKED_AT = /\b(LIMIT|OFFSET|(?:executor|state|holder) =) \?/gu;

/** Statements that are kept: several times as many as a store has. Those over rows that are alike in ever other ways must not pile up. */
const STATEMENTS_MAX = 2_000;

/** SQLITE_BUSY, whatever it says besides. */
const BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === BUSY;
}

export class Database {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** For writes and what they read; not for a connection that only reads. */
  readonly hot = new HotRows();
  readonly positions = new FeedPositions();
  readonly intake = new Intake();
  readonly held = new HeldClaims();
  readonly waiting = new WaitingClaims();
  /** Whose turn it is in each queue. */
  readonly turns = new Turns();
  /** Called before the COMMIT of what is seen from then on, and is to be told only once it is on the disk. */
  onUnflushed: () => void = () => {};
  #dataVersion: SqlValue = null;
  #changes = 0;

  constructor(path: string, options: { readonly readOnly?: boolean } = {}) {
    this.#db = new DatabaseSync(path, { readOnly: options.readOnly ?? false, timeout: BUSY_MS });
    this.#db.exec(`PRAGMA cache_size = -${options.readOnly === true ? CACHE_KIB.reader : CACHE_KIB.writer}`);
    if (options.readOnly === true) return;
    this.#db.exec(
      `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA temp_store = MEMORY`,
    );
  }

  /** All rows, each as the list of its values. */
  all(sql: string, values: readonly SqlValue[] = []): readonly Row[] {
    return this.#statement(sql).all(...values) as unknown as readonly Row[];
  }

  /** The first row, or undefined. */
  get(sql: string, values: readonly SqlValue[] = []): Row | undefined {
    return this.#statement(sql).get(...values) as unknown as Row | undefined;
  }

  /** Returns how many rows were changed. */
  run(sql: string, values: readonly SqlValue[] = []): number {
    const changes = Number(this.#statement(sql).run(...values).changes);
    this.#changes += changes;
    return changes;
  }

  /** How many rows this connection has changed so far. */
  get changes(): number {
    return this.#changes;
  }

  /** Runs `work` in one transaction; what it throws undoes all of it. */
  transaction<T>(work: () => T): T {
    this.#statement("BEGIN IMMEDIATE").run();
    return this.#within(work);
  }

  /** The same for what can be left, which waits for no other process: false when one writes. */
  tryTransaction(work: () => void): boolean {
    // What sets it takes effect when it is prepared, so it is not kept.
    this.#db.exec("PRAGMA busy_timeout = 0");
    try {
      this.#statement("BEGIN IMMEDIATE").run();
    } catch (error) {
      if (isBusy(error)) return false;
      throw error;
    } finally {
      this.#db.exec(`PRAGMA busy_timeout = ${BUSY_MS}`);
    }
    this.#within(work);
    return true;
  }

  #within<T>(work: () => T): T {
    try {
      this.#forgetChanged();
      const result = work();
      this.#statement("COMMIT").run();
      return result;
    } catch (error) {
      this.#forget();
      // A full disk or a failed COMMIT may have ended the transaction already.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** What `look` sees is of one moment, however many statements it takes while others write. */
  atOnce<T>(look: () => T): T {
    this.#statement("BEGIN").run();
    try {
      return look();
    } finally {
      if (this.#db.isTransaction) this.#statement("COMMIT").run();
    }
  }

  /** Runs `work` and undoes what it has written. */
  undone<T>(work: () => T): T {
    this.#statement("BEGIN IMMEDIATE").run();
    this.#forget();
    try {
      return work();
    } finally {
      this.#forget();
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    }
  }

  /** Another connection (a `sqlite3` shell) has written: what is known of the rows may not be so any more. */
  #forgetChanged(): void {
    const [version = null] = this.get("PRAGMA data_version") ?? [];
    if (version === this.#dataVersion) return;
    this.#dataVersion = version;
    this.#forget();
  }

  #forget(): void {
    this.hot.forget();
    this.positions.forget();
    this.intake.forget();
    this.held.forget();
  }

  /** Brings the schema up to date. @throws WindlassError `schema_newer`. */
  migrate(known: readonly Migration[] = migrations): void {
    const [version] = this.get("PRAGMA user_version") ?? [];
    assert(typeof version === "number", "SQLite has a user_version");
    const wanted = migrationsAfter(version, known);
    // They are rows of the schema that the file has now.
    this.recover();
    for (const { number, migration } of wanted) {
      this.transaction(() => {
        for (const statement of migration(sqliteDialect)) this.#db.exec(statement);
        this.#db.exec(`PRAGMA user_version = ${number}`);
      });
    }
  }

  /** Whether something was answered that does not stand in its tables yet, as far as is known. */
  get owes(): boolean {
    return this.intake.mayHold || this.held.mayHold;
  }

  /** Puts it into its tables. The caller holds the write transaction. `because`: somebody asks, or it is time. */
  payOff(because: "asked" | "time"): void {
    this.intake.apply(this, because);
    this.held.apply(this);
  }

  /** The same of what another process has left. */
  recover(): void {
    const lies = (table: string): boolean =>
      this.get("SELECT 1 FROM sqlite_schema WHERE name = ?", [table]) !== undefined &&
      this.get(`SELECT 1 FROM ${table} LIMIT 1`) !== undefined;
    if (lies("intake")) this.transaction(() => this.intake.apply(this, "time"));
    if (lies("held_claims")) this.transaction(() => this.held.apply(this));
  }

  /** From now on a COMMIT does not wait for the disk: the caller flushes the log before it tells anybody. */
  leaveFlushing(): void {
    this.#db.exec("PRAGMA synchronous = NORMAL");
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
      statement = this.#db.prepare(sql.replace(LOOKED_AT, "$1 +?"));
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
