/** Queues that are fair between keys, and rates. */
import type { Dialect } from "./migration.ts";

export function queuesMigration({ text, integer, keyedTable }: Dialect): readonly string[] {
  return [
    `ALTER TABLE jobs ADD COLUMN fairness_key ${text} NOT NULL DEFAULT ''`,
    `ALTER TABLE jobs_live ADD COLUMN fairness_key ${text} NOT NULL DEFAULT ''`,
    // The keys of a queue and priority are stepped through, so that taking turns costs a look for each key, not for each job.
    "DROP INDEX live_ready",
    "CREATE INDEX live_ready ON jobs_live (executor, queue, priority DESC, fairness_key, id) WHERE state = 'queued' AND blocked = 0",
    `ALTER TABLE queues ADD COLUMN rate_limit ${text}`,
    `ALTER TABLE queues ADD COLUMN key_concurrency_limit ${integer}`,
    `ALTER TABLE queues ADD COLUMN key_rate_limit ${text}`,
    `ALTER TABLE queues ADD COLUMN dead_letters ${integer} NOT NULL DEFAULT 1`,
    `ALTER TABLE queues ADD COLUMN revision ${integer} NOT NULL DEFAULT 1`,
    `CREATE TABLE rate_buckets (
      queue ${text} NOT NULL, fairness_key ${text} NOT NULL, spent_until ${integer} NOT NULL, PRIMARY KEY (queue, fairness_key)
    )${keyedTable}`,
  ];
}
