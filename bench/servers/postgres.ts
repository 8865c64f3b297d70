/**
 * A PostgreSQL for one measurement: a fresh cluster with the server's own defaults (fsync and synchronous_commit on) on a
 * unix socket, shared by all contenders that use PostgreSQL, each in a schema of its own.
 */
import { findPostgres, startPostgres, type PostgresServer } from "@windlass/testkit/postgres";
import { endsLater } from "../cleanup.ts";

export const POSTGRES_MISSING =
  "PostgreSQL is not installed: neither /usr/lib/postgresql nor PATH has it (Debian: apt-get install postgresql)";

let starting: Promise<PostgresServer> | null = null;

export const hasPostgres = (): boolean => findPostgres(process.env) !== null;

/** The one server of this run, started when it is first asked for. */
export function postgres(): Promise<PostgresServer> {
  return (starting ??= start());
}

async function start(): Promise<PostgresServer> {
  const programs = findPostgres(process.env);
  if (programs === null) throw new Error(POSTGRES_MISSING);
  const server = await startPostgres(programs, { fsync: true });
  endsLater(() => server.stop());
  return server;
}
