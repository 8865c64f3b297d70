/** Webhooks, and what is to be told to them. */
import type { Dialect } from "./migration.ts";

export function webhooksMigration({ text, integer, keyedTable, table }: Dialect): readonly string[] {
  return [
    `CREATE TABLE webhooks (
      workspace ${text} NOT NULL, name ${text} NOT NULL, url ${text} NOT NULL, filter ${text} NOT NULL, secret ${text} NOT NULL,
      paused ${integer} NOT NULL, paused_by ${text}, paused_at ${integer}, position ${text} NOT NULL, failing_since ${integer},
      created_by ${text} NOT NULL, created_at ${integer} NOT NULL, revision ${integer} NOT NULL, PRIMARY KEY (workspace, name)
    )${keyedTable}`,
    `CREATE TABLE webhook_deliveries (
      id ${text} NOT NULL PRIMARY KEY, workspace ${text} NOT NULL, webhook ${text} NOT NULL, feed_position ${text} NOT NULL,
      job_id ${text} NOT NULL, seq ${integer} NOT NULL, event_type ${text} NOT NULL, body ${text} NOT NULL,
      state ${text} NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')), tries ${integer} NOT NULL, next_at ${integer}, last_at ${integer},
      last_status ${integer}, last_error ${text}, took_ms ${integer}, settled_at ${integer}, created_at ${integer} NOT NULL
    )${table}`,
    // An event is told to a webhook once, whoever made the delivery.
    "CREATE UNIQUE INDEX deliveries_in_order ON webhook_deliveries (workspace, webhook, feed_position)",
    "CREATE INDEX deliveries_by_state ON webhook_deliveries (workspace, webhook, state, feed_position)",
    "CREATE INDEX deliveries_settled ON webhook_deliveries (settled_at) WHERE settled_at IS NOT NULL",
  ];
}
