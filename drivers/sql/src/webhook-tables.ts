/** Webhooks and their deliveries: the tables, and the statements that both drivers run. Each uses its values in order, each once. */
import type { Delivery, Webhook } from "@windlass/kernel";
import type { DeliveryFilter } from "@windlass/ports";
import type { Placeholder, Query } from "./list-jobs.ts";
import { tableOf, type SqlValue } from "./table.ts";

export const webhooksTable = tableOf<Webhook>("webhooks", {
  workspace: "text",
  name: "text",
  url: "text",
  filter: "json",
  secret: "text",
  paused: "flag",
  pausedBy: "text",
  pausedAt: "integer",
  position: "text",
  failingSince: "integer",
  createdBy: "text",
  createdAt: "integer",
  revision: "integer",
});

export const deliveriesTable = tableOf<Delivery>(
  "webhook_deliveries",
  {
    id: "text",
    workspace: "text",
    webhook: "text",
    position: "text",
    jobId: "text",
    seq: "integer",
    type: "text",
    body: "text",
    state: "text",
    tries: "integer",
    nextAt: "integer",
    lastAt: "integer",
    lastStatus: "integer",
    lastError: "text",
    tookMs: "integer",
    settledAt: "integer",
    createdAt: "integer",
  },
  { type: "event_type", position: "feed_position" },
);

export function webhookStatements(placeholder: Placeholder) {
  const p = placeholder;
  const values = (count: number): string => Array.from({ length: count }, (_, i) => p(i + 1)).join(", ");
  return {
    all: `SELECT ${webhooksTable.list()} FROM webhooks ORDER BY workspace, name`,
    ofWorkspace: `SELECT ${webhooksTable.list()} FROM webhooks WHERE workspace = ${p(1)} ORDER BY name`,
    get: `SELECT ${webhooksTable.list()} FROM webhooks WHERE workspace = ${p(1)} AND name = ${p(2)}`,
    add: `INSERT INTO webhooks (${webhooksTable.list()}) VALUES (${values(webhooksTable.columns.length)}) ON CONFLICT DO NOTHING`,
    change: `UPDATE webhooks SET url = ${p(1)}, filter = ${p(2)}, secret = ${p(3)}, paused = ${p(4)}, paused_by = ${p(5)}, paused_at = ${p(6)},
      failing_since = ${p(7)}, revision = revision + 1 WHERE workspace = ${p(8)} AND name = ${p(9)} AND revision = ${p(10)}`,
    remove: `DELETE FROM webhooks WHERE workspace = ${p(1)} AND name = ${p(2)}`,
    removeDeliveries: `DELETE FROM webhook_deliveries WHERE workspace = ${p(1)} AND webhook = ${p(2)}`,
    move: `UPDATE webhooks SET position = ${p(1)} WHERE workspace = ${p(2)} AND name = ${p(3)} AND position = ${p(4)}`,
    deliver: `INSERT INTO webhook_deliveries (${deliveriesTable.list()}) VALUES (${values(deliveriesTable.columns.length)}) ON CONFLICT DO NOTHING`,
    record: `UPDATE webhook_deliveries SET state = ${p(1)}, tries = ${p(2)}, next_at = ${p(3)}, last_at = ${p(4)}, last_status = ${p(5)},
      last_error = ${p(6)}, took_ms = ${p(7)}, settled_at = ${p(8)} WHERE id = ${p(9)} AND state = 'pending' AND tries = ${p(10)}`,
    mark: `UPDATE webhooks SET failing_since = ${p(1)} WHERE workspace = ${p(2)} AND name = ${p(3)}`,
    pause: `UPDATE webhooks SET paused = 1, paused_by = 'windlass', paused_at = ${p(1)}, revision = revision + 1
      WHERE workspace = ${p(2)} AND name = ${p(3)} AND paused = 0`,
    redriveAll: `UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_at = ${p(1)}, settled_at = NULL
      WHERE workspace = ${p(2)} AND webhook = ${p(3)} AND state = 'dead'`,
    redriveOne: `UPDATE webhook_deliveries SET state = 'pending', tries = 0, next_at = ${p(1)}, settled_at = NULL
      WHERE workspace = ${p(2)} AND webhook = ${p(3)} AND id = ${p(4)} AND state = 'dead'`,
    // Whoever sends it again while it is found has taken its time away.
    prune: `DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries WHERE settled_at < ${p(1)} ORDER BY settled_at LIMIT ${p(2)})
      AND settled_at < ${p(3)}`,
  } as const;
}

/** The values of `change`. */
export function webhookValues(webhook: Omit<Webhook, "revision">, revision: number): SqlValue[] {
  const { url, filter, secret, paused, pausedBy, pausedAt, failingSince, workspace, name } = webhook;
  return [url, JSON.stringify(filter), secret, paused ? 1 : 0, pausedBy, pausedAt, failingSince, workspace, name, revision];
}

/** The values of `record`. */
export function sentValues({ state, tries, nextAt, lastAt, lastStatus, lastError, tookMs, settledAt, id }: Delivery): SqlValue[] {
  return [state, tries, nextAt, lastAt, lastStatus, lastError, tookMs, settledAt, id, tries - 1];
}

export function deliveryQuery({ workspace, webhook, state, order, after, limit }: DeliveryFilter, placeholder: Placeholder): Query {
  const values: SqlValue[] = [];
  const value = (one: SqlValue): string => placeholder(values.push(one));
  const where = [`workspace = ${value(workspace)}`, `webhook = ${value(webhook)}`];
  const oldest = order === "oldest";
  if (state !== undefined) where.push(`state = ${value(state)}`);
  if (after !== undefined) where.push(`feed_position ${oldest ? ">" : "<"} ${value(after)}`);
  const sql = `SELECT ${deliveriesTable.list()} FROM webhook_deliveries WHERE ${where.join(" AND ")} ORDER BY feed_position ${oldest ? "ASC" : "DESC"} LIMIT ${value(limit)}`;
  return { sql, values };
}
