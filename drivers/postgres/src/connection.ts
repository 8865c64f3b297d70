/**
 * Connections to PostgreSQL: rows as lists of values, 64-bit integers as numbers (times and counts are far below 2^53),
 * statements prepared once per connection under a name that is made from their text.
 */
import { createHash } from "node:crypto";
import pg from "pg";
import type { SqlValue } from "@windlass/sql";

export type Row = readonly SqlValue[];
/** A value of a statement; lists become arrays of PostgreSQL. */
export type Value = SqlValue | readonly SqlValue[];

export interface Querier {
  /** Rows of a statement whose text is one of a few: prepared on first use. */
  rows(sql: string, values?: readonly Value[]): Promise<readonly Row[]>;
  /** Rows of a statement that was put together for this call. */
  once(sql: string, values: readonly Value[]): Promise<readonly Row[]>;
  /** Like `rows`, for how many rows were changed. */
  count(sql: string, values?: readonly Value[]): Promise<number>;
  /** Like `rows`, of which nobody has to hear. In a transaction it resolves when it is sent: what it came to is known at the end. */
  write(sql: string, values?: readonly Value[]): Promise<void>;
  /** Like `write`, of what is to give so many rows: else it fails as a division by zero, on which a transaction runs again. */
  demand(sql: string, values: readonly Value[], count: number): Promise<void>;
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((...[oid, format]: Parameters<typeof pg.types.getTypeParser>) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

export function connectionConfig(url: string): pg.ClientConfig {
  return { connectionString: url, types, application_name: "windlass", keepAlive: true, connectionTimeoutMillis: CONNECT_MS };
}

/** How long a connection may take before the store counts as unreachable. */
const CONNECT_MS = 10_000;
/** Connections of one process; claims, commits and reads share them. */
const CONNECTIONS_MAX = 10;

export function openPool(url: string): pg.Pool {
  // Statements do not wait for the answers to those before them: see transaction.ts.
  const pool = new pg.Pool({ ...connectionConfig(url), max: CONNECTIONS_MAX, pipeline: true });
  // An idle connection was lost: the pool has dropped it already, and whoever needs one gets a new one or an error.
  pool.on("error", () => {});
  // One that is lost while in use fails its query; the event besides would end the process.
  pool.on("connect", (client) => client.on("error", () => {}));
  return pool;
}

/** `sending` is called before each statement, and behind it. */
export function querierOf(client: pg.Pool | pg.ClientBase, sending: () => void = () => {}): Querier {
  const query = (config: pg.QueryArrayConfig): Promise<pg.QueryArrayResult<SqlValue[]>> => {
    sending();
    const answer = client.query(config);
    sending();
    return answer;
  };
  const named = (text: string, values: readonly Value[]): pg.QueryArrayConfig => ({
    name: nameOf(text),
    text,
    values: values.map(sendable),
    rowMode: "array",
  });
  return {
    rows: async (text, values = []) => (await query(named(text, values))).rows,
    once: async (text, values) => (await query({ text, values: values.map(sendable), rowMode: "array" })).rows,
    count: async (text, values = []) => (await query(named(text, values))).rowCount ?? 0,
    // What cannot be sent throws at once: PostgreSQL would not know that there is something to undo.
    write: (text, values = []) => query(named(text, values)).then(() => {}),
    demand: (text, values, count) =>
      query(named(`WITH demanded AS (${text}) SELECT ${failsUnless(countIs("demanded", values.length + 1))}`, [...values, count])).then(
        () => {},
      ),
  };
}

/** Whether a part of a statement gave as many rows as this value of it says. */
export function countIs(part: string, number: number): string {
  return `(SELECT count(*) FROM ${part}) = $${number}::bigint`;
}

export function failsUnless(condition: string): string {
  return `1 / CASE WHEN ${condition} THEN 1 ELSE 0 END`;
}

/** So much goes at once: the server works on it while what follows is put together here. */
const PACKET_BYTES = 16_384;

/**
 * To be called before each statement, and behind a large one: what is sent in one turn of the event loop goes as one packet. Each by
 * itself would wake the server.
 */
export function packets({ connection: { stream } }: pg.PoolClient): () => void {
  let isOpen = false;
  return () => {
    if (isOpen) {
      if (stream.writableLength < PACKET_BYTES) return;
      stream.uncork();
      stream.cork();
      return;
    }
    isOpen = true;
    stream.cork();
    process.nextTick(() => {
      isOpen = false;
      stream.uncork();
    });
  };
}

/** PostgreSQL takes no NUL in a text; one that is looked for must not fail the query, and what is written loses it. */
function sendable(value: Value): SqlValue {
  if (Array.isArray(value)) return arrayText(value as readonly SqlValue[]);
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : (value as SqlValue);
}

/**
 * An array as PostgreSQL reads it (its manual, "Array Input and Output Syntax"). The client library would do so as well,
 * with two replacements for each element.
 */
function arrayText(values: readonly SqlValue[]): string {
  // Most are numbers, or texts without anything to escape: one text is made of them at once, not one more for each.
  if (values.every((value) => typeof value === "number")) return `{${values.join(",")}}`;
  if (values.length > 0 && values.every((value) => typeof value === "string") && !NEEDS_ESCAPE.test(values.join("")))
    return `{"${values.join('","')}"}`;
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? null;
    if (i > 0) text += ",";
    if (value === null) text += "NULL";
    else if (typeof value === "number") text += value;
    else text += `"${NEEDS_ESCAPE.test(value) ? value.replaceAll(/["\\]/gu, "\\$&").replaceAll("\0", "\uFFFD") : value}"`;
  }
  return `${text}}`;
}

const NEEDS_ESCAPE = /["\\\0]/u;

const names = new Map<string, string>();

/** The same text has the same name in every process, so a pooler between us may share connections. */
function nameOf(text: string): string {
  let name = names.get(text);
  if (name === undefined) {
    name = `windlass_${createHash("sha256").update(text).digest("hex").slice(0, 24)}`;
    names.set(text, name);
  }
  return name;
}
