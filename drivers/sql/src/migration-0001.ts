/** The first schema: jobs and what belongs to them, queues, keys, sessions, definitions. */
import type { Dialect } from "./migration.ts";

export function firstMigration(dialect: Dialect): readonly string[] {
  return [...jobs(dialect), ...liveJobs(dialect), ...history(dialect), ...decisions(dialect), ...admission(dialect), ...processes(dialect)];
}

function jobs({ text, integer, table, keyedTable }: Dialect): string[] {
  return [
    `CREATE TABLE jobs (
      id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, kind ${text} NOT NULL, name ${text} NOT NULL,
      parent_id ${text}, root_id ${text} NOT NULL, path ${text} NOT NULL, child_key ${text},
      spec ${text} NOT NULL, input ${text}, queue ${text} NOT NULL, priority ${integer} NOT NULL, executor ${text} NOT NULL,
      concurrency ${text}, idempotency_key ${text}, request_hash ${text}, not_before ${integer}, start_deadline ${integer},
      retry ${text}, timeout_ms ${integer}, labels ${text} NOT NULL, commit_hash ${text}, cause ${text} NOT NULL, created_at ${integer} NOT NULL,
      state ${text} CHECK (state IN ('succeeded', 'failed', 'cancelled', 'expired', 'skipped')), outcome ${text}, reason ${text}, message ${text}, exit_code ${integer}, output ${text},
      attempts ${integer}, progress ${text}, started_at ${integer}, finished_at ${integer}
    )${table}`,
    "CREATE INDEX jobs_by_kind ON jobs (workspace, kind, id)",
    "CREATE INDEX jobs_by_name ON jobs (workspace, name, id)",
    "CREATE UNIQUE INDEX jobs_by_parent ON jobs (parent_id, child_key) WHERE parent_id IS NOT NULL",
    "CREATE INDEX jobs_by_root ON jobs (root_id, id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX jobs_by_state ON jobs (workspace, state, id) WHERE state IS NOT NULL",
    "CREATE INDEX jobs_ended_roots ON jobs (finished_at, id) WHERE parent_id IS NULL AND state IS NOT NULL",
    `CREATE TABLE job_labels (
      workspace ${text} NOT NULL, label ${text} NOT NULL, value ${text} NOT NULL, job_id ${text} NOT NULL,
      PRIMARY KEY (workspace, label, value, job_id)
    )${keyedTable}`,
    `CREATE TABLE idempotency_keys (
      workspace ${text} NOT NULL, idempotency_key ${text} NOT NULL, job_id ${text} NOT NULL, request_hash ${text},
      PRIMARY KEY (workspace, idempotency_key)
    )${keyedTable}`,
  ];
}

function liveJobs({ text, integer, keyedTable }: Dialect): string[] {
  return [
    `CREATE TABLE jobs_live (
      id ${text} NOT NULL PRIMARY KEY, parent_id ${text}, root_id ${text} NOT NULL, path ${text} NOT NULL, child_key ${text}, name ${text} NOT NULL,
      queue ${text} NOT NULL, priority ${integer} NOT NULL, executor ${text} NOT NULL, retry ${text}, timeout_ms ${integer},
      start_deadline ${integer}, concurrency_key ${text},
      state ${text} NOT NULL CHECK (state IN ('scheduled', 'queued', 'running', 'waiting', 'stopping')), holder ${text} NOT NULL, blocked ${integer} NOT NULL, resumed ${integer} NOT NULL,
      due_at ${integer}, due_reason ${text}, deadline_at ${integer}, attempt ${integer} NOT NULL, token ${integer} NOT NULL, phase ${text},
      session ${text}, place ${text}, external_name ${text}, external_ref ${text}, started_at ${integer}, attempt_started_at ${integer},
      stop ${text}, wait ${text}, progress ${text}, wakes ${integer} NOT NULL, decided ${integer} NOT NULL, open_children ${integer} NOT NULL,
      children_made ${integer} NOT NULL, event_seq ${integer} NOT NULL, revision ${integer} NOT NULL, timer_at ${integer}
    )${keyedTable}`,
    "CREATE INDEX live_ready ON jobs_live (executor, queue, priority DESC, id) WHERE state = 'queued' AND blocked = 0",
    "CREATE INDEX live_resumed ON jobs_live (executor, queue, priority DESC, id) WHERE state = 'queued' AND resumed = 1",
    "CREATE INDEX live_blocked ON jobs_live (concurrency_key, priority DESC, id) WHERE state = 'queued' AND blocked = 1",
    "CREATE INDEX live_timer ON jobs_live (timer_at, id) WHERE timer_at IS NOT NULL",
    "CREATE INDEX live_woken ON jobs_live (id) WHERE executor = 'none' AND decided < wakes",
    "CREATE INDEX live_held ON jobs_live (queue) WHERE holder <> 'none'",
    "CREATE INDEX live_session ON jobs_live (session, id) WHERE session IS NOT NULL",
    "CREATE INDEX live_place ON jobs_live (place, id) WHERE place IS NOT NULL",
    "CREATE INDEX live_parent ON jobs_live (parent_id, id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX live_state ON jobs_live (state, id)",
  ];
}

function history({ text, integer, table, keyedTable, feedColumns, feedIndex }: Dialect): string[] {
  return [
    `CREATE TABLE attempts (
      job_id ${text} NOT NULL, number ${integer} NOT NULL, token ${integer} NOT NULL, phase ${text} NOT NULL, executor ${text} NOT NULL,
      session ${text}, place ${text}, external_name ${text}, external_ref ${text}, started_at ${integer} NOT NULL, ended_at ${integer},
      outcome ${text}, reason ${text}, message ${text}, exit_code ${integer}, signal ${text}, evidence ${text},
      PRIMARY KEY (job_id, number)
    )${keyedTable}`,
    `CREATE TABLE events (
      ${feedColumns}, job_id ${text} NOT NULL, seq ${integer} NOT NULL, at ${integer} NOT NULL, type ${text} NOT NULL, attempt ${integer}, data ${text}
    )${table}`,
    "CREATE UNIQUE INDEX events_by_job ON events (job_id, seq)",
    ...(feedIndex === null ? [] : [feedIndex]),
  ];
}

function decisions({ text, integer, keyedTable }: Dialect): string[] {
  return [
    `CREATE TABLE facts (job_id ${text} NOT NULL, number ${integer} NOT NULL, fact ${text} NOT NULL, PRIMARY KEY (job_id, number))${keyedTable}`,
    `CREATE TABLE cursors (job_id ${text} NOT NULL, entry ${text} NOT NULL, value ${text} NOT NULL, PRIMARY KEY (job_id, entry))${keyedTable}`,
  ];
}

function admission({ text, integer, keyedTable }: Dialect): string[] {
  return [
    `CREATE TABLE queues (
      name ${text} NOT NULL PRIMARY KEY, paused ${integer} NOT NULL, paused_by ${text}, paused_at ${integer}, concurrency_limit ${integer}
    )${keyedTable}`,
    `CREATE TABLE concurrency_keys (name ${text} NOT NULL PRIMARY KEY, slots ${integer} NOT NULL)${keyedTable}`,
    `CREATE TABLE key_holders (name ${text} NOT NULL, job_id ${text} NOT NULL, PRIMARY KEY (name, job_id))${keyedTable}`,
  ];
}

function processes({ text, integer, keyedTable, table }: Dialect): string[] {
  return [
    `CREATE TABLE sessions (
      id ${text} NOT NULL PRIMARY KEY, role ${text} NOT NULL, place ${text}, serves ${text} NOT NULL, started_at ${integer} NOT NULL, expires_at ${integer} NOT NULL
    )${keyedTable}`,
    `CREATE TABLE leads (chore ${text} NOT NULL PRIMARY KEY, session ${text} NOT NULL, expires_at ${integer} NOT NULL)${keyedTable}`,
    `CREATE TABLE definitions (
      id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, type ${text} NOT NULL, name ${text} NOT NULL, version ${integer} NOT NULL,
      hash ${text} NOT NULL, body ${text}, labels ${text} NOT NULL, created_at ${integer} NOT NULL
    )${table}`,
    "CREATE UNIQUE INDEX definitions_by_name ON definitions (workspace, type, name, version)",
  ];
}
