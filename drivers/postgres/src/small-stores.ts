/** Queues, sessions with their leads, definitions and places on PostgreSQL. */
import type pg from "pg";
import { canonicalJsonOf, demandRevision, type DefinitionName, QUEUED_COUNTED_MAX, queueOfKey, type Queue } from "@windlass/kernel";
import type { Definition, DefinitionStore, PlaceStore, QueueStore, SessionStore } from "@windlass/ports";
import {
  LEAD_AHEAD_MS_MAX,
  changedQueue,
  demandQueue,
  definitionsTable,
  disabledStatements,
  disabledTable,
  nameValues,
  nextVersion,
  placesTable,
  queuesTable,
  queueViews,
  sessionsTable,
  type QueueCount,
} from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Querier } from "./connection.ts";
import { disabledNow, disablingFault, holdMarks } from "./disabled-definitions.ts";
import { changingFault, holdSettings } from "./queue-settings.ts";
import { stateOfQueue, waitingInQueue } from "./queue-states.ts";
import { inTransaction } from "./transaction.ts";
import { untilHeard } from "./unheard.ts";

const QUEUES = `SELECT ${queuesTable.list()} FROM queues`;
/** What is ready is counted queue by queue in the index of claims, up to a limit; there is little of all else. */
const IS_READY = "FROM jobs_live WHERE state = 'queued' AND blocked = 0";
const FIGURES = `WITH RECURSIVE places AS (
    (SELECT executor, queue ${IS_READY} ORDER BY executor, queue LIMIT 1)
    UNION ALL
    SELECT n.executor, n.queue FROM places p, LATERAL
      (SELECT executor, queue ${IS_READY} AND (executor, queue) > (p.executor, p.queue) ORDER BY executor, queue LIMIT 1) n
  ), figures AS (
    SELECT p.queue, 'queued' AS state, w.count, 0::bigint AS alive, w.oldest FROM places p, LATERAL
      (SELECT count(*) AS count, min(id) AS oldest FROM
        (SELECT id ${IS_READY} AND executor = p.executor AND queue = p.queue ORDER BY priority DESC, fairness_key, id LIMIT ${QUEUED_COUNTED_MAX}) first) w
    UNION ALL
    SELECT queue, state, count(*), 0::bigint, min(id) FROM jobs_live WHERE state = 'queued' AND blocked = 1 GROUP BY queue, state
    UNION ALL
    SELECT queue, state, count(*), count(*) FILTER (WHERE holder <> 'none'), NULL FROM jobs_live WHERE state <> 'queued' GROUP BY queue, state
    UNION ALL
    SELECT queue, state, sum(size)::bigint, coalesce(sum(size) FILTER (WHERE holder <> 'none'), 0)::bigint, NULL FROM claim_groups GROUP BY queue, state
  )
  SELECT f.queue, f.state, f.count, f.alive, j.created_at FROM figures f LEFT JOIN jobs j ON j.id = f.oldest`;
const PUT_QUEUE = `INSERT INTO queues (${queuesTable.list()}) VALUES (${queuesTable.columns.map((_, i) => `$${i + 1}`).join(", ")}) ON CONFLICT (name) DO UPDATE
  SET ${queuesTable.columns.map(({ name }) => `${name} = excluded.${name}`).join(", ")}`;

/** As it is behind whoever changes it now: he holds the table until his transaction has ended (U4 of unheard.ts). */
async function storedQueue(db: Querier, name: string): Promise<Queue | null> {
  const [row] = await db.rows(`${QUEUES} WHERE name = $1 FOR KEY SHARE`, [name]);
  return row === undefined ? null : queuesTable.decode(row);
}

async function queueNamed(db: Querier, name: string): Promise<Queue | null> {
  const [row] = await db.rows(`${QUEUES} WHERE name = $1`, [name]);
  return row === undefined ? null : queuesTable.decode(row);
}

export function queueStore(db: Querier, pool: pg.Pool): QueueStore {
  return {
    list: async () => {
      const queues = (await db.rows(QUEUES)).map((row) => queuesTable.decode(row));
      const figures = (await db.rows(FIGURES)).map(
        ([queue, state, count, alive, oldestAt]) => ({ queue, state, count, alive, oldestAt }) as QueueCount,
      );
      return queueViews(queues, figures);
    },
    get: (name) => queueNamed(db, name),
    remove: (name, expected = null) =>
      untilHeard(
        () =>
          changing(pool, name, async (tx) => {
            await holdSettings(tx);
            demandQueue(await queueNamed(tx, name), name, expected);
            return (await tx.count("DELETE FROM queues WHERE name = $1", [name])) === 1;
          }),
        async () => (await storedQueue(db, name)) === null,
      ),
    state: (name, fairnessKey, spawner) => stateOfQueue(db, name, { fairnessKey, spawner }),
    waiting: (live) => waitingInQueue(db, live),
    put: (name, change, ...[now, expected = null]) =>
      untilHeard(
        () =>
          changing(pool, name, async (tx) => {
            await demandWorkspace(tx, queueOfKey(name).workspace);
            await holdSettings(tx);
            const next = changedQueue(await queueNamed(tx, name), name, { change, now, expected });
            await tx.write(PUT_QUEUE, queuesTable.encode(next));
            return next;
          }),
        async (next) => canonicalJsonOf(await storedQueue(db, name)) === canonicalJsonOf(next),
      ),
  };
}

function changing<T>(pool: pg.Pool, name: string, work: (tx: Querier) => Promise<T>): Promise<T> {
  return inTransaction(pool, work).catch((error: unknown) => {
    throw changingFault(error, name);
  });
}

const OPEN_SESSION = `INSERT INTO sessions (${sessionsTable.list()}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE
  SET role = excluded.role, place = excluded.place, serves = excluded.serves, started_at = excluded.started_at, expires_at = excluded.expires_at,
  owner = excluded.owner, host = excluded.host`;
const LEAD = `INSERT INTO leads (chore, session, expires_at) VALUES ($1, $2, $3) ON CONFLICT (chore) DO UPDATE
  SET session = excluded.session, expires_at = excluded.expires_at WHERE leads.session = excluded.session OR leads.expires_at <= $4
  OR leads.expires_at > excluded.expires_at + ${LEAD_AHEAD_MS_MAX}`;

export function sessionStore(db: Querier): SessionStore {
  return {
    open: async (session) => void (await db.rows(OPEN_SESSION, sessionsTable.encode(session))),
    beat: async (ids, expiresAt) => {
      const kept = new Set(
        (await db.rows("UPDATE sessions SET expires_at = $2 WHERE id = ANY($1::text[]) RETURNING id", [ids, expiresAt])).map(
          (row) => row[0] as string,
        ),
      );
      return ids.filter((id) => kept.has(id));
    },
    list: async () => (await db.rows(`SELECT ${sessionsTable.list()} FROM sessions ORDER BY id`)).map((row) => sessionsTable.decode(row)),
    close: async (id) => {
      await db.rows("DELETE FROM sessions WHERE id = $1", [id]);
      await db.rows("DELETE FROM leads WHERE session = $1", [id]);
    },
    lead: async (chore, session, ...[now, expiresAt]) => (await db.count(LEAD, [chore, session, expiresAt, now])) === 1,
  };
}

const DEFINITIONS = `SELECT ${definitionsTable.list()} FROM definitions`;
const NEWEST = `${DEFINITIONS} WHERE workspace = $1 AND type = $2 AND name = $3 ORDER BY version DESC LIMIT 1`;
const LIST_NEWEST = `SELECT DISTINCT ON (name) ${definitionsTable.list()} FROM definitions WHERE workspace = $1 AND type = $2 ORDER BY name, version DESC`;

const VERSIONS = `${DEFINITIONS} WHERE workspace = $1 AND type = $2 AND name = $3 AND version < $4 ORDER BY version DESC LIMIT $5`;

const DISABLED = disabledStatements((n) => `$${n}`);

async function newestOf(tx: Querier, { workspace, type, name }: DefinitionName): Promise<Definition | null> {
  // Locked, so that of two that expect this version one finds another.
  const [row] = await tx.rows(`${NEWEST} FOR UPDATE`, [workspace, type, name]);
  return row === undefined ? null : definitionsTable.decode(row);
}

export function definitionStore(db: Querier, pool: pg.Pool): DefinitionStore {
  return {
    // Two that store a version at once: the second finds the number taken and runs again.
    put: (given, expected = null) =>
      inTransaction(pool, async (tx) => {
        await demandWorkspace(tx, given.workspace);
        const next = nextVersion(await newestOf(tx, given), given, expected);
        if (next.created)
          await tx.rows(
            `INSERT INTO definitions (${definitionsTable.list()}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
            definitionsTable.encode(next.definition),
          );
        return next;
      }),
    versions: async ({ workspace, type, name }, { before, limit }) =>
      (await db.rows(VERSIONS, [workspace, type, name, before ?? Number.MAX_SAFE_INTEGER, limit])).map((row) =>
        definitionsTable.decode(row),
      ),
    remove: (key, expected = null) =>
      inTransaction(pool, async (tx) => {
        demandRevision(`${key.type} ${key.name}`, { revision: (await newestOf(tx, key))?.version ?? 0, expected });
        await tx.write(DISABLED.remove, nameValues(key));
        return tx.count("DELETE FROM definitions WHERE workspace = $1 AND type = $2 AND name = $3", [key.workspace, key.type, key.name]);
      }),
    disable: (mark) =>
      inTransaction(pool, async (tx) => {
        await holdMarks(tx);
        if ((await newestOf(tx, mark)) === null) return null;
        await tx.write(DISABLED.add, disabledTable.encode(mark));
        const [row] = await tx.rows(DISABLED.get, nameValues(mark));
        return row === undefined ? null : disabledTable.decode(row);
      }).catch((error: unknown) => {
        throw disablingFault(error, mark);
      }),
    enable: async (key) => (await db.count(DISABLED.remove, nameValues(key))) === 1,
    disabled: (keys) => disabledNow(db, keys),
    get: async ({ workspace, type, name, version }) => {
      const sql = version === undefined ? NEWEST : `${DEFINITIONS} WHERE workspace = $1 AND type = $2 AND name = $3 AND version = $4`;
      const rows = await db.rows(sql, version === undefined ? [workspace, type, name] : [workspace, type, name, version]);
      return rows.map((row) => definitionsTable.decode(row))[0] ?? null;
    },
    byId: async (id) => (await db.rows(`${DEFINITIONS} WHERE id = $1`, [id])).map((row) => definitionsTable.decode(row))[0] ?? null,
    list: async (workspace, type) => (await db.rows(LIST_NEWEST, [workspace, type])).map((row) => definitionsTable.decode(row)),
  };
}

const PUT_PLACE = `INSERT INTO places (${placesTable.list()}) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (place) DO UPDATE
  SET host = excluded.host, url = excluded.url, secret = excluded.secret, seen_at = excluded.seen_at`;

export function placeStore(db: Querier): PlaceStore {
  return {
    put: async (place) => void (await db.rows(PUT_PLACE, placesTable.encode(place))),
    list: async () =>
      (await db.rows(`SELECT ${placesTable.list()} FROM places ORDER BY seen_at DESC, place`)).map((row) => placesTable.decode(row)),
  };
}
