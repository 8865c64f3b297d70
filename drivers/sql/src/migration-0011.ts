/** The end of a job gets a row of its own, which holds the attempt that it ended with (job-end.ts). */
import type { Dialect } from "./migration.ts";

const END = ["state", "outcome", "reason", "message", "exit_code", "output", "attempts", "progress", "started_at", "finished_at"];
const ATTEMPT = ["token", "session", "place", "external_name", "external_ref", "signal", "evidence"];
const list = (prefix: string, names: readonly string[]): string => names.map((name) => prefix + name).join(", ");

export function endsMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `CREATE TABLE job_ends (
      job_id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, is_root ${integer} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('succeeded', 'failed', 'cancelled', 'expired', 'skipped')), outcome ${text} NOT NULL, reason ${text} NOT NULL,
      message ${text}, exit_code ${integer}, output ${text}, attempts ${integer} NOT NULL, progress ${text}, started_at ${integer}, finished_at ${integer} NOT NULL,
      token ${integer}, session ${text}, place ${text}, external_name ${text}, external_ref ${text}, attempt_started_at ${integer}, signal ${text}, evidence ${text}
    )${keyedTable}`,
    // An attempt that ended when its job did, and as it did, is the one that the job ended with.
    `INSERT INTO job_ends (job_id, workspace, is_root, ${list("", END)}, attempt_started_at, ${list("", ATTEMPT)})
      SELECT j.id, j.workspace, CASE WHEN j.parent_id IS NULL THEN 1 ELSE 0 END, ${list("j.", END)}, a.started_at, ${list("a.", ATTEMPT)}
      FROM jobs j LEFT JOIN attempts a ON a.job_id = j.id AND a.number = j.attempts AND a.ended_at = j.finished_at AND a.outcome = j.outcome
      WHERE j.state IS NOT NULL`,
    `DELETE FROM attempts WHERE EXISTS
      (SELECT 1 FROM job_ends e WHERE e.job_id = attempts.job_id AND e.attempts = attempts.number AND e.token IS NOT NULL)`,
    "CREATE INDEX ends_by_state ON job_ends (workspace, state, job_id)",
    "CREATE INDEX ends_of_roots ON job_ends (finished_at, job_id) WHERE is_root = 1",
    "DROP INDEX jobs_by_state",
    "DROP INDEX jobs_ended_roots",
    ...END.map((name) => `ALTER TABLE jobs DROP COLUMN ${name}`),
  ];
}
