/**
 * What one claim has begun alike, in one row, until its jobs end: of a drained job on PostgreSQL a third was to write its live row anew,
 * for the milliseconds of its attempt. What is in the rows is written and read by claim-groups.ts of drivers/postgres alone.
 */
import type { Dialect } from "./migration.ts";

export function claimGroupsMigration({ keepsVersions, text, integer }: Dialect): readonly string[] {
  if (!keepsVersions) return [];
  return [
    `CREATE TABLE claim_groups (
      group_id ${text} NOT NULL PRIMARY KEY, size ${integer} NOT NULL, version ${integer} NOT NULL DEFAULT 0, job_ids TEXT[] COLLATE "C" NOT NULL, ready_ats BIGINT[] NOT NULL,
      parent_id ${text}, path ${text} NOT NULL, child_key ${text}, name ${text} NOT NULL, queue ${text} NOT NULL, priority ${integer} NOT NULL,
      executor ${text} NOT NULL, fairness_key ${text} NOT NULL, retry ${text}, timeout_ms ${integer}, start_deadline ${integer}, concurrency_key ${text},
      on_conflict ${text}, schedule_id ${text}, state ${text} NOT NULL, holder ${text} NOT NULL, blocked ${integer} NOT NULL, resumed ${integer} NOT NULL,
      due_at ${integer}, due_reason ${text}, deadline_at ${integer}, attempt ${integer} NOT NULL, token ${integer} NOT NULL, phase ${text},
      session ${text}, place ${text}, external_name ${text}, external_ref ${text}, ready_at ${integer}, started_at ${integer},
      attempt_started_at ${integer}, stop ${text}, wait ${text}, progress ${text}, observed ${text}, wakes ${integer} NOT NULL,
      decided ${integer} NOT NULL, open_children ${integer} NOT NULL, children_made ${integer} NOT NULL, event_seq ${integer} NOT NULL,
      revision ${integer} NOT NULL, timer_at ${integer}
    )`,
    // Lists are read whole and live for milliseconds: they lie as they are. How long one is says `size`, without fetching it.
    "ALTER TABLE claim_groups ALTER COLUMN job_ids SET STORAGE EXTERNAL",
    "ALTER TABLE claim_groups ALTER COLUMN ready_ats SET STORAGE EXTERNAL",
    // Rows come and go, and there are hardly ever more than some ten.
    `ALTER TABLE claim_groups SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_analyze_threshold = 1000000000,
      vacuum_truncate = false, toast.vacuum_truncate = false)`,
    // Of a table that was never looked at, PostgreSQL takes ten pages for granted.
    "ANALYZE claim_groups",
  ];
}
