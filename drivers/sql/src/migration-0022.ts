/**
 * Which states there may be, said so that it costs nothing. SQLite looks into a list of more than two values with a small tree of
 * its own, for each row: of a new job that was 0.6 µs of 2.3 in `jobs_live`. One comparison after the other takes none, the usual
 * state first. It cannot change a check, so the tables are made anew.
 */
import type { Dialect } from "./migration.ts";

export function cheapChecksMigration({ hasSlowLists, text, integer, keyedTable }: Dialect): readonly string[] {
  if (!hasSlowLists) return [];
  return [
    ...madeAnew("jobs_live", LIVE_COLUMNS, [
      `id ${text} NOT NULL PRIMARY KEY, parent_id ${text}, root_id ${text} NOT NULL, path ${text} NOT NULL, child_key ${text}, name ${text} NOT NULL,
      queue ${text} NOT NULL, priority ${integer} NOT NULL, executor ${text} NOT NULL, retry ${text}, timeout_ms ${integer},
      start_deadline ${integer}, concurrency_key ${text},
      state ${text} NOT NULL CHECK (${oneOf(["queued", "running", "waiting", "scheduled", "stopping"])}),
      holder ${text} NOT NULL, blocked ${integer} NOT NULL, resumed ${integer} NOT NULL,
      due_at ${integer}, due_reason ${text}, deadline_at ${integer}, attempt ${integer} NOT NULL, token ${integer} NOT NULL, phase ${text},
      session ${text}, place ${text}, external_name ${text}, external_ref ${text}, started_at ${integer}, attempt_started_at ${integer},
      stop ${text}, wait ${text}, progress ${text}, wakes ${integer} NOT NULL, decided ${integer} NOT NULL, open_children ${integer} NOT NULL,
      children_made ${integer} NOT NULL, event_seq ${integer} NOT NULL, revision ${integer} NOT NULL, timer_at ${integer}, ready_at ${integer},
      fairness_key ${text} NOT NULL DEFAULT '', observed ${text}, on_conflict ${text}, schedule_id ${text}`,
      keyedTable,
    ]),
    "CREATE INDEX live_ready ON jobs_live (executor, queue, priority DESC, fairness_key, id) WHERE state = 'queued' AND blocked = 0",
    "CREATE INDEX live_resumed ON jobs_live (executor, queue, priority DESC, id) WHERE state = 'queued' AND resumed = 1",
    "CREATE INDEX live_blocked ON jobs_live (concurrency_key, priority DESC, id) WHERE state = 'queued' AND blocked = 1",
    "CREATE INDEX live_timer ON jobs_live (timer_at, id) WHERE timer_at IS NOT NULL",
    "CREATE INDEX live_woken ON jobs_live (id) WHERE executor = 'none' AND decided < wakes",
    "CREATE INDEX live_place ON jobs_live (place, id) WHERE place IS NOT NULL",
    "CREATE INDEX live_parent ON jobs_live (parent_id, id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX live_held ON jobs_live (queue, session) WHERE holder <> 'none'",
    "CREATE INDEX live_state ON jobs_live (state, id) WHERE state <> 'queued'",
    "CREATE INDEX live_key ON jobs_live (concurrency_key) WHERE concurrency_key IS NOT NULL",
    "CREATE INDEX live_contending ON jobs_live (id) WHERE on_conflict IS NOT NULL",
    ...madeAnew("job_ends", END_COLUMNS, [
      `job_id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, is_root ${integer} NOT NULL,
      state ${text} NOT NULL CHECK (${oneOf(["succeeded", "failed", "cancelled", "expired", "skipped"])}), outcome ${text} NOT NULL, reason ${text} NOT NULL,
      message ${text}, exit_code ${integer}, output ${text}, attempts ${integer} NOT NULL, progress ${text}, started_at ${integer}, finished_at ${integer} NOT NULL,
      token ${integer}, session ${text}, place ${text}, external_name ${text}, external_ref ${text}, attempt_started_at ${integer}, signal ${text}, evidence ${text}`,
      keyedTable,
    ]),
    "CREATE INDEX ends_by_state ON job_ends (workspace, state, job_id)",
    "CREATE INDEX ends_of_roots ON job_ends (finished_at, job_id) WHERE is_root = 1",
  ];
}

const LIVE_COLUMNS = `id, parent_id, root_id, path, child_key, name, queue, priority, executor, retry, timeout_ms, start_deadline, concurrency_key,
  state, holder, blocked, resumed, due_at, due_reason, deadline_at, attempt, token, phase, session, place, external_name, external_ref,
  started_at, attempt_started_at, stop, wait, progress, wakes, decided, open_children, children_made, event_seq, revision, timer_at, ready_at,
  fairness_key, observed, on_conflict, schedule_id`;

const END_COLUMNS = `job_id, workspace, is_root, state, outcome, reason, message, exit_code, output, attempts, progress, started_at, finished_at,
  token, session, place, external_name, external_ref, attempt_started_at, signal, evidence`;

const oneOf = (states: readonly string[]): string => states.map((state) => `state = '${state}'`).join(" OR ");

/** Its rows in a new table of the same name; its indexes go with the old one. */
function madeAnew(name: string, columns: string, [made, end]: readonly [string, string]): string[] {
  return [
    `CREATE TABLE ${name}_anew (${made})${end}`,
    `INSERT INTO ${name}_anew (${columns}) SELECT ${columns} FROM ${name}`,
    `DROP TABLE ${name}`,
    `ALTER TABLE ${name}_anew RENAME TO ${name}`,
  ];
}
