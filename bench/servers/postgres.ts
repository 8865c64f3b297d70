/**
 * One PostgreSQL for the whole run: a fresh cluster with the server's own defaults (fsync and synchronous_commit on) on a
 * unix socket. Every measurement of every contender gets a database of its own, and drops it.
 */
import pg from "pg";
import { findPostgres, startPostgres } from "@windlass/testkit/postgres";
import { endsLater } from "../cleanup.ts";

export const POSTGRES_MISSING =
  "PostgreSQL is not installed: neither /usr/lib/postgresql nor PATH has it (Debian: apt-get install postgresql)";

export interface PostgresDatabase {
  readonly url: string;
  query(sql: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  drop(): Promise<void>;
}

/** Often enough that it does not count, rarely enough that the asking does not either. */
const LOOK_MS = 5;
/** Five seconds; what is still connected then is cut off. */
const ALONE_LOOKS_MAX = 1_000;

let starting: Promise<string> | null = null;
let databases = 0;

export const hasPostgres = (): boolean => findPostgres(process.env) !== null;

export async function postgresDatabase(): Promise<PostgresDatabase> {
  const server = await (starting ??= start());
  const name = `bench_${++databases}`;
  await once(server, `CREATE DATABASE ${name}`);
  const url = server.replace("@/postgres?", `@/${name}?`);
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return {
    url,
    query: async (sql, values = []) => (await client.query<Record<string, unknown>>(sql, [...values])).rows,
    async drop() {
      await alone(client);
      await client.end();
      await once(server, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Some libraries say that they have stopped a moment before their last connection is closed. */
async function alone(client: pg.Client): Promise<void> {
  const others =
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
  for (let looks = 0; looks < ALONE_LOOKS_MAX && (await client.query(others)).rows.length > 0; looks++)
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

/** Resolves once the query finds nothing. */
export async function untilNone(database: PostgresDatabase, sql: string): Promise<void> {
  while ((await database.query(sql)).length > 0) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

async function start(): Promise<string> {
  const programs = findPostgres(process.env);
  if (programs === null) throw new Error(POSTGRES_MISSING);
  const server = await startPostgres(programs, { fsync: true });
  endsLater(() => server.stop());
  return (await server.schema()).replace(/&options=.*/u, "");
}

async function once(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(sql);
  await client.end();
}
