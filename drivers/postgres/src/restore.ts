/**
 * Restores a dump into a schema without tables, in one transaction: PostgreSQL's own program writes the dump as statements,
 * and psql carries them out together with what else belongs to a restore.
 *
 * B2. A restore happens whole or not at all, and never over tables that are there: nothing is committed before the dump was
 *     written to its end, the rows were found right, and all is settled. Whoever dies before leaves an empty schema.
 * B3. What runs belongs to the place where it was started, and that place is not restored: every session has run out, and
 *     every place is lost, so that the reconciler ends what was under way.
 * B4. Transaction numbers of another cluster may be smaller than those of the events: then all events become old together,
 *     which keeps their order, and so do the places up to which others were told of them (settle-marks.ts).
 * B5. What was committed is marked with the back-up until the data folder is there, too: whoever dies between the two is
 *     known by it, and the same back-up is taken up where it was left; until somebody works with the store.
 */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import pg from "pg";
import { messageOf, WindlassError } from "@windlass/kernel";
import { tableNames } from "@windlass/sql";
import { addressOf, CLAIMED, currentSchema, programFor, SAID_LENGTH_MAX, SCHEMA_TABLE, tablesIn, UNDER_WAY, withClient } from "./backup.ts";
import type { DumpedFigures, DumpOptions } from "./backup.ts";
import { settleMarks } from "./settle-marks.ts";

export interface RestoreDumpOptions extends DumpOptions {
  readonly searchPath: string;
  /** Names the back-up. See B5. */
  readonly mark: string;
  /** Looks at what would be there. What it throws undoes the restore. */
  readonly check?: (figures: DumpedFigures) => void;
}

/** Throws `conflict` where there are tables of Windlass already, or the dump is of another schema than the address names. */
export async function restorePostgres(options: RestoreDumpOptions): Promise<DumpedFigures> {
  const { url, file, environment, searchPath, mark, check = () => {} } = options;
  const [reader, writer] = await withClient(url, async (client) => {
    await checkEmpty(client, searchPath);
    return [await programFor(client, "pg_restore", environment), await programFor(client, "psql", environment)] as const;
  });
  const { dbname, secret } = addressOf(url);
  const flags = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"];
  const psql = program(writer, [...flags, `--dbname=${dbname}`], { ...environment, ...secret });
  const dump = program(reader, ["--exit-on-error", "--no-owner", "--no-privileges", "--file=-", file], environment);
  try {
    psql.say("BEGIN");
    dump.child.stdout.pipe(psql.child.stdin, { end: false });
    await Promise.race([dump.ended, psql.ended.then(endedEarly)]);
    const figures = await Promise.race([figuresIn(psql, searchPath), psql.ended.then(endedEarly)]);
    check(figures);
    for (const statement of [
      ...SETTLE,
      settleMarks(new Set(Object.keys(figures.rows))),
      marking(pg.escapeLiteral(MARKED + mark)),
      "COMMIT",
    ])
      psql.say(statement);
    psql.child.stdin.end();
    await psql.ended;
    return figures;
  } finally {
    // Without its COMMIT, whatever psql has done is undone.
    for (const { child } of [dump, psql]) child.kill("SIGKILL");
    await Promise.allSettled([dump.ended, psql.ended]);
  }
}

/** Whether this very back-up was restored there, and nobody has said that its data folder is there. See B5. */
export async function isRestored({ url, mark }: Pick<RestoreDumpOptions, "url" | "mark">): Promise<boolean> {
  return withClient(url, async (client) => (await commentOn(client)) === MARKED + mark);
}

/** All of it is there, or somebody has begun to work with it. */
export async function forgetRestore(url: string): Promise<void> {
  await withClient(url, async (client) => {
    if ((await commentOn(client))?.startsWith(MARKED) === true) await client.query(marking("NULL"));
  });
}

async function commentOn(client: pg.Client): Promise<string | null> {
  const sql = `SELECT obj_description(to_regclass('${SCHEMA_TABLE}'), 'pg_class') AS comment`;
  return (await client.query<{ comment: string | null }>(sql)).rows[0]?.comment ?? null;
}

const MARKED = "restored, its data folder is still to come: ";
const marking = (text: string): string => `COMMENT ON TABLE ${SCHEMA_TABLE} IS ${text}`;

/** See B3. */
const SETTLE = [
  "DELETE FROM sessions",
  "DELETE FROM leads",
  `INSERT INTO sessions (id, role, place, serves, started_at, expires_at)
    SELECT 'ses_before_' || place, 'launcher', place, '[]', 0, 0 FROM (SELECT DISTINCT place FROM jobs_live WHERE place IS NOT NULL) places`,
];

async function checkEmpty(client: pg.Client, searchPath: string): Promise<void> {
  let schema = await currentSchema(client);
  if (schema === null) {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${pg.escapeIdentifier(searchPath)}`);
    schema = await currentSchema(client);
  }
  if (schema !== searchPath) {
    throw new WindlassError(
      "conflict",
      `the back-up is of the schema ${searchPath}, but the address leads to ${schema ?? "no schema"}; add ?options=-csearch_path%3D${searchPath} to it`,
    );
  }
  const [first] = await tablesIn(client);
  if (first !== undefined)
    throw new WindlassError("conflict", `the database has a table ${searchPath}.${first} already; a back-up is restored into an empty one`);
}

interface Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** Fails when it ends badly. */
  readonly ended: Promise<void>;
  say(this: void, statement: string): void;
}

function program(path: string, args: readonly string[], environment: DumpOptions["environment"]): Program {
  const child = spawn(path, args, { env: environment });
  let complained = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complained = (complained + text).slice(-SAID_LENGTH_MAX)));
  // Whoever ended does not read any more: its end tells why.
  child.stdin.on("error", () => {});
  const end = async (): Promise<void> => {
    const [code] = (await once(child, "close").catch((error: unknown) => [messageOf(error)])) as [number | string | null];
    if (code !== 0) throw new WindlassError("unavailable", `${path} ended with ${code ?? "a signal"}: ${complained.trim()}`);
  };
  const ended = end();
  // It is awaited later, or never after a failure of the other program.
  ended.catch(() => {});
  return { child, ended, say: (statement) => void child.stdin.write(`${statement};\n`) };
}

function endedEarly(): never {
  throw new WindlassError("unavailable", "psql ended before the dump was restored");
}

/** Marks the lines that we asked for: a dump has statements that answer, too. */
const MARK = "windlass:";

/** What the transaction has made, counted within it. The dump has left the search path empty. */
async function figuresIn({ child, say }: Program, searchPath: string): Promise<DumpedFigures> {
  const names = tableNames().map((name) => pg.escapeLiteral(name));
  say(`SET LOCAL search_path TO ${pg.escapeIdentifier(searchPath)}`);
  const counts = `SELECT format('SELECT ''${MARK}rows:%s:'' || count(*) FROM %I', c.relname, c.relname) FROM pg_class c
    WHERE c.relkind = 'r' AND c.relnamespace = ${pg.escapeLiteral(searchPath)}::regnamespace AND c.relname IN (${names.join(", ")}) ORDER BY c.relname`;
  child.stdin.write(`${counts} \\gexec\n`);
  say(`SELECT '${MARK}under way::' || (${UNDER_WAY})`);
  child.stdin.write(`SELECT $$SELECT '${MARK}under way::' || (${CLAIMED})$$ WHERE to_regclass('claim_groups') IS NOT NULL \\gexec\n`);
  say(`SELECT '${MARK}schema::' || max(number) FROM ${SCHEMA_TABLE}`);
  const rows: Record<string, number> = {};
  let underWay = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith(MARK)) continue;
    const [what, table = "", count] = line.slice(MARK.length).split(":");
    if (what === "rows") rows[table] = Number(count);
    else if (what === "under way") underWay += Number(count);
    else return { schema: Number(count), rows, underWay, searchPath };
  }
  throw new WindlassError("unavailable", "psql ended before it had counted what was restored");
}
