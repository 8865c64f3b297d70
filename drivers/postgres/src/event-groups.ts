/**
 * The log of events: a row for each, or one for what many jobs did alike. That a batch was submitted, that a claim began 500 attempts, and that
 * they succeeded, are three rows instead of 1,500 with three index entries each, which were a quarter of what a drained job cost.
 *
 * G1. A group is found by a time that the rows of its jobs say besides: when they were made, when their attempt began, when they ended.
 *     When they stop to say it (an attempt that did not count), it is kept in `event_times`, if there is such a group.
 * G2. Its events stand in the feed as if each had a row: one mark, and the numbers of one block in the order of `job_ids`; `position` is
 *     the last of them.
 * G3. Whether a row or a group, what one transaction has written keeps its order: runs of alike events become groups, where they stand.
 * G4. An event goes with its job: the feed passes over those of removed jobs, and when few are left of a group, they get rows of their own.
 */
import type { EndedJob, JobEvent, JobRecord, LiveJob, Writes } from "@windlass/kernel";
import { eventsTable, FEED_MARK, POSITIONS, POSITIONS_OF_BLOCK } from "@windlass/sql";
import { ofAllLive } from "./claim-groups.ts";
import type { Querier, Row } from "./connection.ts";
import { insertInto, ROW_NUMBER } from "./many-rows.ts";

/** From so many alike on one row is cheaper: its ids lie in a place of their own, which costs about as much as ten events. */
export const MANY_MIN = 16;

interface Writing {
  /** The live rows as they were loaded. */
  readonly before: ReadonlyMap<string, LiveJob>;
  readonly groupMin: number;
}

/** The events of a transaction, in their order. */
export async function writeEvents(db: Querier, writes: Writes, { before, groupMin }: Writing): Promise<void> {
  for (const { events, foundAt } of runsOf(writes, groupMin)) {
    if (foundAt === null) await insertEvents(db, eventsTable.alike(events).columns);
    else await writeGroup(db, events, foundAt);
  }
  const lost = timesLost(writes, before);
  if (lost.length > 0) await db.write(KEEP_TIMES, [lost.map(({ id }) => id), lost.map(({ at }) => at)]);
}

/** Where an event stands in the feed. What is written with one statement gets the numbers of one block, in its order. */
const PLACE = { mark: `(SELECT ${FEED_MARK})`, position: `(SELECT nextval('${POSITIONS}')) + ${ROW_NUMBER} - 1` };
const insertEvents = insertInto(eventsTable, { computed: PLACE, isNumberedHere: true });
/** Not of what began alone. Whether a group of that time is the job's own is not asked: its list would be read for each job of it. */
const KEEP_TIMES = `INSERT INTO event_times (job_id, at) SELECT id, at FROM unnest($1::text[], $2::bigint[]) AS lost (id, at)
  WHERE EXISTS (SELECT FROM event_groups AS g WHERE g.found_at = lost.at AND g.type = 'job.started') ON CONFLICT DO NOTHING`;
const INSERT_GROUP = `INSERT INTO event_groups (mark, position, found_at, at, type, seq, attempt, data, size, jobs_left, job_ids)
  SELECT ${FEED_MARK}, nextval('${POSITIONS}') + $1::bigint - 1, $2::bigint, $3::bigint, $4::text, $5::bigint, $6::bigint, $7::text, $1::bigint, $1::bigint, $8::text[]`;

async function writeGroup(db: Querier, events: readonly JobEvent[], foundAt: number): Promise<void> {
  const [first] = events;
  if (first === undefined) return;
  const [, seq = null, at = null, type = null, attempt = null, data = null] = eventsTable.encode(first);
  await db.write(INSERT_GROUP, [events.length, foundAt, at, type, seq, attempt, data, events.map(({ jobId }) => jobId)]);
}

/** Where something stands that a transaction wrote: the row of an event, or the group that is found by this time. */
export interface Written extends Pick<JobEvent, "jobId" | "seq"> {
  readonly foundAt: number | null;
}

/** Null: it writes no event. */
export function somethingWritten(writes: Writes, groupMin: number): Written | null {
  const all = runsOf(writes, groupMin).flatMap(({ events, foundAt }) => events.map(({ jobId, seq }) => ({ jobId, seq, foundAt })));
  // What has ended may be removed before anybody looks; where all is of what ends, a second try is refused and doubles nothing.
  return all.find(({ jobId }) => !writes.ended.has(jobId)) ?? all[0] ?? null;
}

const IS_WRITTEN = `SELECT 1 FROM events WHERE job_id = $1 AND seq = $2 AND xmin = $4::xid
  UNION ALL SELECT 1 FROM event_groups WHERE found_at = $3::bigint AND xmin = $4::xid`;

/** Whether it stands there, and the transaction of this number wrote it. */
export async function isWritten(db: Querier, { jobId, seq, foundAt }: Written, number: string): Promise<boolean> {
  return (await db.rows(IS_WRITTEN, [jobId, seq, foundAt, number])).length > 0;
}

interface Run {
  readonly events: readonly JobEvent[];
  /** Null: each gets a row. */
  readonly foundAt: number | null;
}

/** Cuts the events into what goes with one statement each (G3). */
function runsOf(writes: Writes, groupMin: number): Run[] {
  const { events } = writes;
  const runs: Run[] = [];
  const put = (from: number, to: number, foundAt: number | null): void => {
    for (let start = from; start < to; start += POSITIONS_OF_BLOCK) {
      const part = events.slice(start, Math.min(to, start + POSITIONS_OF_BLOCK));
      runs.push({ events: part, foundAt: part.length < groupMin ? null : foundAt });
    }
  };
  const timeOf = timesIn(writes, groupMin);
  let single = 0;
  let from = 0;
  while (from < events.length) {
    const { to, foundAt } = alikeFrom(events, from, timeOf);
    if (foundAt !== null && to - from >= groupMin) {
      put(single, from, null);
      put(from, to, foundAt);
      single = to;
    }
    from = to;
  }
  put(single, events.length, null);
  return runs;
}

type TimeOf = (event: JobEvent) => number | null;

/** Up to which the events from `from` on differ in nothing but their job. */
function alikeFrom(events: readonly JobEvent[], from: number, timeOf: TimeOf): { readonly to: number; readonly foundAt: number | null } {
  const first = events[from];
  const foundAt = first === undefined ? null : timeOf(first);
  let to = from + 1;
  if (first === undefined || foundAt === null) return { to, foundAt };
  const { type, seq, attempt, at, data } = first;
  const text = JSON.stringify(data);
  for (; to < events.length; to++) {
    const event = events[to];
    if (event === undefined || event.type !== type || event.seq !== seq || event.attempt !== attempt || event.at !== at) break;
    if (timeOf(event) !== foundAt || (event.data !== data && JSON.stringify(event.data) !== text)) break;
  }
  return { to, foundAt };
}

/** The time that the rows of an event's job will say as well (G1), if there is one. */
function timesIn({ inserted, live, ended }: Writes, groupMin: number): TimeOf {
  const made = inserted.length < groupMin ? new Map<string, JobRecord>() : new Map(inserted.map((job) => [job.id, job]));
  return ({ type, jobId }) => {
    if (type === "job.submitted") return made.get(jobId)?.createdAt ?? null;
    if (type === "job.finished") return ended.get(jobId)?.final.finishedAt ?? null;
    if (type !== "job.started") return null;
    const started = live.get(jobId);
    // The time of what runs elsewhere is set again when it is launched.
    return started?.executor === "handler" ? started.attemptStartedAt : null;
  };
}

/** When attempts began that no row says any more. */
function timesLost(
  { live, ended, attempts }: Writes,
  before: ReadonlyMap<string, LiveJob>,
): { readonly id: string; readonly at: number }[] {
  const lost: { id: string; at: number }[] = [];
  const counted = new Set(attempts.map(({ jobId, startedAt }) => `${jobId} ${startedAt}`));
  for (const { id, executor, attemptStartedAt: at } of before.values()) {
    if (at === null || executor !== "handler") continue;
    const end: EndedJob | undefined = ended.get(id);
    const now = live.get(id);
    // Not changed by this transaction.
    if (end === undefined && now === undefined) continue;
    if (at === (end === undefined ? now?.attemptStartedAt : end.attempt?.startedAt)) continue;
    if (!counted.has(`${id} ${at}`)) lost.push({ id, at });
  }
  return lost;
}

/** All times by which the events of jobs may be found. `is`: what the id of a job is compared with. */
const timesOf = (is: string): string => `SELECT created_at AS at FROM jobs WHERE id ${is}
  UNION SELECT attempt_started_at FROM jobs_live WHERE id ${is}
  UNION SELECT started_at FROM attempts WHERE job_id ${is}
  UNION SELECT unnest(ARRAY[attempt_started_at, finished_at]) FROM job_ends WHERE job_id ${is}
  UNION SELECT at FROM event_times WHERE job_id ${is}`;

/** `OFFSET 0`: looked for by each time in the index, whatever PostgreSQL believes to know of a new table. */
const OF_JOB = ofAllLive(
  `SELECT ${eventsTable.list()} FROM (
    (SELECT ${eventsTable.list()} FROM events WHERE job_id = $1 AND seq > $2 ORDER BY seq LIMIT $3)
    UNION ALL SELECT $1, g.seq, g.at, g.type, g.attempt, g.data FROM (${timesOf("= $1")}) AS t CROSS JOIN LATERAL
      (SELECT * FROM event_groups WHERE found_at = t.at AND seq > $2 OFFSET 0) AS g WHERE $1 = ANY(g.job_ids)
  ) AS e ORDER BY seq LIMIT $3`,
  "ARRAY[$1::text]",
);

/** The events of a job behind `after`, as rows of `events`. */
export async function eventsOfJob(
  db: Querier,
  jobId: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<JobEvent[]> {
  return (await db.rows(OF_JOB, [jobId, after, limit])).map((row) => eventsTable.decode(row));
}

/** Below the oldest transaction that may still commit: nothing can come to lie before what was read. */
const SETTLED = "mark < pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
const BEHIND = `(mark, position) > ($1::bigint, $2::bigint)`;
/** Groups until there is enough even if all of the first lies before the place. */
const GROUPS_BEHIND = `SELECT * FROM (
    SELECT *, sum(jobs_left) OVER (ORDER BY mark, position) - jobs_left AS events_before
      FROM (SELECT * FROM event_groups WHERE ${BEHIND} AND ${SETTLED} ORDER BY mark, position LIMIT $3 + 1) AS g
  ) AS g WHERE events_before < $3 + ${POSITIONS_OF_BLOCK}`;
const GROUPED = `SELECT g.mark, g.position - g.size + u.n AS position, u.id AS job_id, g.seq, g.at, g.type, g.attempt, g.data
  FROM (${GROUPS_BEHIND}) AS g CROSS JOIN LATERAL unnest(g.job_ids) WITH ORDINALITY AS u (id, n)`;
/** What is asked for a page of the feed. */
export const FEED = `SELECT e.mark, e.position, j.workspace, ${eventsTable.list("e.")} FROM (
    (SELECT mark, position, ${eventsTable.list()} FROM events WHERE ${BEHIND} AND ${SETTLED} ORDER BY mark, position LIMIT $3)
    UNION ALL SELECT * FROM (${GROUPED}) AS u WHERE ${BEHIND}
  ) AS e JOIN jobs j ON j.id = e.job_id ORDER BY e.mark, e.position LIMIT $3`;
const END = `ORDER BY mark DESC, position DESC LIMIT 1`;
const FEED_END = `SELECT mark, position FROM (
    (SELECT mark, position FROM events WHERE ${SETTLED} ${END}) UNION ALL (SELECT mark, position FROM event_groups WHERE ${SETTLED} ${END})
  ) AS e ${END}`;

interface FeedRow {
  readonly row: Row;
  readonly workspace: string;
  readonly event: JobEvent;
}

/** What happened behind a place in the feed; the first two values of a row are its place. */
export async function eventsBehind(db: Querier, [mark, position]: readonly [number, number], limit: number): Promise<FeedRow[]> {
  return (await db.rows(FEED, [mark, position, limit])).map((row) => ({
    row,
    workspace: row[2] as string,
    event: eventsTable.decode(row, 3),
  }));
}

/** The place of the last event, if there is one. */
export async function lastEvent(db: Querier): Promise<Row | undefined> {
  return (await db.rows(FEED_END))[0];
}

/**
 * By each job for itself, and counted against a set (in a FILTER: as a condition PostgreSQL turns it round, and looks for each id in each
 * list), whatever was planned when the tables were small. In the order of their numbers, in which everybody locks them.
 */
export const TAKE_OUT = `UPDATE event_groups AS g SET jobs_left = g.jobs_left - touched.gone FROM (
    SELECT position, gone FROM (
      SELECT found.position, found.gone FROM (
        SELECT DISTINCT times.at FROM (SELECT unnest($1::text[]) AS id OFFSET 0) AS job CROSS JOIN LATERAL (${timesOf("= job.id")} OFFSET 0) AS times
      ) AS t CROSS JOIN LATERAL (
        SELECT g.position, (SELECT count(*) FILTER (WHERE u.id IN (SELECT unnest($1::text[]))) FROM unnest(g.job_ids) AS u (id)) AS gone
          FROM event_groups AS g WHERE g.found_at = t.at OFFSET 0
      ) AS found WHERE found.gone > 0
    ) AS counted JOIN event_groups AS locked USING (position) ORDER BY position FOR UPDATE OF locked
  ) AS touched WHERE g.position = touched.position RETURNING g.position`;
/** An eighth as rows of their own takes no more room than the group. */
const DISSOLVE = `WITH few AS (DELETE FROM event_groups WHERE position = ANY($1::bigint[]) AND jobs_left * 8 <= size RETURNING *)
  INSERT INTO events (mark, position, ${eventsTable.list()}) OVERRIDING SYSTEM VALUE
  SELECT g.mark, g.position - g.size + u.n, u.id, g.seq, g.at, g.type, g.attempt, g.data
    FROM few AS g CROSS JOIN LATERAL unnest(g.job_ids) WITH ORDINALITY AS u (id, n) JOIN jobs j ON j.id = u.id`;

/** Takes jobs out of the log before `remove` takes them out of all other tables (G4). */
export async function removeEvents(tx: Querier, ids: readonly string[], remove: () => Promise<void>): Promise<void> {
  const touched = (await tx.rows(TAKE_OUT, [ids])).map((row) => row[0] as number);
  await tx.write("DELETE FROM event_times WHERE job_id = ANY($1::text[])", [ids]);
  await tx.write("DELETE FROM events WHERE job_id = ANY($1::text[])", [ids]);
  await remove();
  if (touched.length > 0) await tx.write(DISSOLVE, [touched]);
}
