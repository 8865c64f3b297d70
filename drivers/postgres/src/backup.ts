/**
 * Dumps the tables of one schema with PostgreSQL's own programs (restore.ts restores them). The programs are looked for in
 * PATH and where Debian puts them; one that is older than the server cannot read it, and is said so.
 *
 * B1. Rows are counted in the snapshot that is dumped.
 */
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import pg from "pg";
import { WindlassError } from "@windlass/kernel";
import { tableNames } from "@windlass/sql";
import { connectionConfig } from "./connection.ts";
import { asStoreError } from "./transaction.ts";

export interface DumpOptions {
  readonly url: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal | undefined;
}

export interface DumpedFigures {
  /** The number of the schema of Windlass. */
  readonly schema: number;
  readonly rows: Readonly<Record<string, number>>;
  readonly underWay: number;
  /** The schema of the database in which its tables lie. */
  readonly searchPath: string;
}

const DEBIAN = "/usr/lib/postgresql";
/** The end of what a program said is enough to know why it failed. */
export const SAID_LENGTH_MAX = 4_000;
export const SCHEMA_TABLE = "windlass_schema";

/** Throws `tool_missing`, and `unavailable` when the database cannot be reached. */
export async function dumpPostgres({ url, file, environment, signal }: DumpOptions): Promise<DumpedFigures> {
  return withClient(url, async (client) => {
    const program = await programFor(client, "pg_dump", environment);
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const snapshot = String((await client.query<{ id: string }>("SELECT pg_export_snapshot() AS id")).rows[0]?.id);
    const figures = await figuresOf(client);
    const tables = Object.keys(figures.rows).concat(SCHEMA_TABLE);
    const chosen = tables.map((table) => `--table="${figures.searchPath.replaceAll('"', '""')}"."${table}"`);
    await run(program, { url, environment, signal }, [
      ...["--format=custom", "--no-owner", "--no-privileges", `--snapshot=${snapshot}`, `--file=${file}`],
      ...chosen,
    ]);
    await client.query("COMMIT");
    return figures;
  });
}

async function figuresOf(client: pg.Client): Promise<DumpedFigures> {
  const searchPath = await currentSchema(client);
  const tables = (await tablesIn(client)).filter((table) => table !== SCHEMA_TABLE);
  if (searchPath === null || tables.length === 0) throw new WindlassError("not_found", "there are no tables of Windlass in this database");
  const rows: Record<string, number> = {};
  for (const table of tables) rows[table] = await countOf(client, `SELECT count(*) FROM ${pg.escapeIdentifier(table)}`);
  return {
    schema: await countOf(client, `SELECT max(number) FROM ${SCHEMA_TABLE}`),
    rows,
    underWay: (await countOf(client, UNDER_WAY)) + (tables.includes("claim_groups") ? await countOf(client, CLAIMED) : 0),
    searchPath,
  };
}

/** What runs has a row of its own, or stands in a group (claim-groups.ts), which an older schema has not. */
export const UNDER_WAY = "SELECT count(*) FROM jobs_live WHERE executor <> 'none' AND state IN ('running', 'stopping')";
export const CLAIMED = "SELECT coalesce(sum(size), 0) FROM claim_groups";

/** Those of ours, in order; another program's may lie beside them. */
export async function tablesIn(client: pg.Client): Promise<string[]> {
  const found = await client.query<{ name: string }>(
    "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = current_schema() AND c.relname = ANY($1) ORDER BY 1",
    [[...tableNames(), SCHEMA_TABLE]],
  );
  return found.rows.map(({ name }) => name);
}

export async function currentSchema(client: pg.Client): Promise<string | null> {
  return (await client.query<{ name: string | null }>("SELECT current_schema() AS name")).rows[0]?.name ?? null;
}

async function countOf(client: pg.Client, sql: string): Promise<number> {
  const [row] = (await client.query({ text: sql, rowMode: "array" })).rows as unknown[][];
  return Number(row?.[0]);
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(connectionConfig(url));
  // A connection that is lost fails its query; the event besides would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

export async function programFor(client: pg.Client, name: string, environment: DumpOptions["environment"]): Promise<string> {
  const server = Math.floor((await countOf(client, "SELECT current_setting('server_version_num')::bigint")) / 10_000);
  const found: string[] = [];
  for (const path of candidates(name, environment)) {
    const version = Number(/(\d+)(\.\d+)*\s*(\(.*\))?\s*$/u.exec(await output(path, ["--version"]))?.[1]);
    if (version >= server) return path;
    found.push(`${path} is of version ${version}`);
  }
  throw new WindlassError(
    "tool_missing",
    `${name} of PostgreSQL ${server} or newer is needed: ${found.join(", ") || `there is none in PATH or ${DEBIAN}`}; install the package postgresql-client-${server}`,
  );
}

function candidates(name: string, environment: DumpOptions["environment"]): string[] {
  const packaged = existsSync(DEBIAN)
    ? readdirSync(DEBIAN)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => join(DEBIAN, version, "bin"))
    : [];
  const folders = [...(environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== ""), ...packaged];
  return folders.map((folder) => join(folder, name)).filter((path) => mayRun(path));
}

function mayRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The password goes by the environment: command lines are shown to everybody on the machine. */
export function addressOf(url: string): { readonly dbname: string; readonly secret: DumpOptions["environment"] } {
  const password = /^(postgres(?:ql)?:\/\/[^@/]*?):([^@/]*)@/u.exec(url);
  if (password === null) return { dbname: url, secret: {} };
  return { dbname: url.replace(`:${password[2]}@`, "@"), secret: { PGPASSWORD: decodeURIComponent(password[2] ?? "") } };
}

async function run(
  program: string,
  { url, environment, signal }: Pick<DumpOptions, "url" | "environment" | "signal">,
  args: readonly string[],
): Promise<void> {
  const { dbname, secret } = addressOf(url);
  await output(program, [`--dbname=${dbname}`, ...args], { environment: { ...environment, ...secret }, signal });
}

/** What a program printed. Throws with what it complained about. */
async function output(
  program: string,
  args: readonly string[],
  { environment, signal }: Partial<Pick<DumpOptions, "environment" | "signal">> = {},
): Promise<string> {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...(environment === undefined ? {} : { env: environment }),
    ...(signal === undefined ? {} : { signal }),
  });
  let [said, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-SAID_LENGTH_MAX)));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complained = (complained + text).slice(-SAID_LENGTH_MAX)));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new WindlassError("unavailable", `${program} ended with code ${code}: ${complained.trim()}`);
  return said;
}
