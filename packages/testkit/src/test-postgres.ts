/** PostgreSQL for one test file: skipped with a printed reason where it is not installed, never skipped in CI. */
import { findPostgres, startPostgres, type PostgresServer } from "./postgres.ts";

export interface TestPostgres {
  /** For `describe.skipIf`. */
  readonly missing: boolean;
  start(): Promise<void>;
  schema(): Promise<string>;
  database(): Promise<string>;
  stop(): Promise<void>;
}

export function testPostgres(environment: Readonly<Record<string, string | undefined>> = process.env): TestPostgres {
  const programs = findPostgres(environment);
  if (programs === null) {
    const why = "PostgreSQL is not installed: neither /usr/lib/postgresql nor PATH has initdb, postgres and psql";
    if (environment["CI"] === "true") throw new Error(why);
    process.stderr.write(`skipped: ${why}\n`);
  }
  let server: PostgresServer | null = null;
  return {
    missing: programs === null,
    async start() {
      if (programs !== null) server = await startPostgres(programs);
    },
    schema: () => running(server).schema(),
    database: () => running(server).database(),
    async stop() {
      await server?.stop();
      server = null;
    },
  };
}

function running(server: PostgresServer | null): PostgresServer {
  if (server === null) throw new Error("PostgreSQL runs only while the tests of its file run");
  return server;
}
