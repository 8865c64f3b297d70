/**
 * What only writes, and little, as one statement that is a transaction by itself: no BEGIN, no COMMIT, and one way to the server.
 *
 * O1. Its parts see one state of the database and not each other, and come in no order that PostgreSQL promises. So no two of them may
 *     touch the same row, and only one may number events; whatever has to be read first goes by `inTransaction`.
 * O2. What was taken for granted (`demand`) is looked at with what is written. When it was not so nothing is stored, and the work is done
 *     again by `inTransaction`, which reads.
 */
import type pg from "pg";
import { countIs, failsUnless, querierOf, type Querier, type Value } from "./connection.ts";
import { asStoreError, isLostRace } from "./transaction.ts";
import { Unheard } from "./unheard.ts";

interface Part {
  readonly sql: string;
  readonly values: readonly Value[];
  /** How many rows it has to give; null: it is not asked. */
  readonly demanded: number | null;
}

/** Thrown by the work when it reads. */
class Reads extends Error {
  override name = "Reads";
}

export interface Done<T> {
  readonly result: T;
  /** The number of its transaction. */
  readonly made: string;
}

/** On a connection of a pool, which is given back. Null: it is to be done by a transaction, and nothing was stored. */
export async function inOneStatement<T>(client: pg.PoolClient, work: (db: Querier) => Promise<T>): Promise<Done<T> | null> {
  const parts: Part[] = [];
  let isBroken = false;
  let sent: { readonly result: T } | null = null;
  try {
    const result = await work(gathering(parts));
    const statement = statementOf(parts);
    if (statement === null) return null;
    sent = { result };
    const [row] = await querierOf(client).rows(statement.text, statement.values);
    return { result, made: row?.[0] as string };
  } catch (error) {
    if (error instanceof Reads || isLostRace(error)) return null;
    // One that answers nothing any more is thrown away, as by a transaction.
    await client.query("ROLLBACK").catch(() => {
      isBroken = true;
    });
    throw asStoreError(isBroken && sent !== null ? new Unheard(sent.result, error) : error);
  } finally {
    client.release(isBroken);
  }
}

function gathering(parts: Part[]): Querier {
  const reads = (): Promise<never> => Promise.reject(new Reads());
  const put = async (sql: string, values: readonly Value[], demanded: number | null): Promise<void> =>
    void parts.push({ sql, values, demanded });
  return {
    rows: reads,
    once: reads,
    count: reads,
    write: (sql, values = []) => put(sql, values, null),
    demand: (sql, values, count) => put(sql, values, count),
  };
}

/** The texts of a statement's parts, one behind the other, and what they come to together. */
interface Place {
  readonly next: Map<string, Place>;
  text: string | null;
}

/** Each is a statement that every connection prepares. A key of all texts, some 3 KB, would be made and read for each job that comes alone. */
const first: Place = { next: new Map(), text: null };
let texts = 0;
const TEXTS_MAX = 200;

function statementOf(parts: readonly Part[]): { readonly text: string; readonly values: readonly Value[] } | null {
  if (parts.length === 0) return null;
  const place = placeOf(parts);
  if (place.text === null) {
    place.text = textOf(parts);
    // Of more different ones all are made again.
    if (++texts > TEXTS_MAX) {
      first.next.clear();
      texts = 0;
    }
  }
  return { text: place.text, values: parts.flatMap(({ values, demanded }) => (demanded === null ? values : [...values, demanded])) };
}

function placeOf(parts: readonly Part[]): Place {
  let place = first;
  for (const { sql, demanded } of parts) {
    const key = demanded === null ? sql : `?${sql}`;
    let next = place.next.get(key);
    if (next === undefined) place.next.set(key, (next = { next: new Map(), text: null }));
    place = next;
  }
  return place;
}

function textOf(parts: readonly Part[]): string {
  let count = 0;
  const demands: string[] = [];
  const withs = parts.map(({ sql, values, demanded }, i) => {
    const from = count;
    count += values.length;
    if (demanded !== null) demands.push(countIs(`part_${i}`, ++count));
    return `part_${i} AS (${sql.replaceAll(/\$(\d+)/gu, (_, number) => `$${from + Number(number)}`)})`;
  });
  const isSo = demands.length === 0 ? "" : `, ${failsUnless(demands.join(" AND "))}`;
  return `WITH ${withs.join(", ")} SELECT pg_current_xact_id()::xid${isSo}`;
}
