/** `WebhookStore` on SQLite. */
import { demandRevision, type Delivery, type Expected, type Webhook } from "@windlass/kernel";
import type { DeliveryFilter, WebhookStore } from "@windlass/ports";
import { deliveriesTable, deliveryQuery, sentValues, webhooksTable, webhookStatements, webhookValues } from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Database } from "./database.ts";

type Named = Parameters<WebhookStore["take"]>[0];

const SQL = webhookStatements(() => "?");

export function listWebhooks(db: Database, workspace: string | null): Webhook[] {
  const rows = workspace === null ? db.all(SQL.all) : db.all(SQL.ofWorkspace, [workspace]);
  return rows.map((row) => webhooksTable.decode(row));
}

function getWebhook(db: Database, { workspace, name }: Pick<Webhook, "workspace" | "name">): Webhook | null {
  const row = db.get(SQL.get, [workspace, name]);
  return row === undefined ? null : webhooksTable.decode(row);
}

export function putWebhook(db: Database, webhook: Omit<Webhook, "revision">, expected: Expected): Webhook {
  demandWorkspace(db, webhook.workspace);
  const before = getWebhook(db, webhook);
  demandRevision(`webhook ${webhook.name}`, { revision: before?.revision ?? 0, expected });
  if (before === null) db.run(SQL.add, webhooksTable.encode({ ...webhook, revision: 1 }));
  else db.run(SQL.change, webhookValues(webhook, before.revision));
  return getWebhook(db, webhook) as Webhook;
}

export function removeWebhook(db: Database, { workspace, name }: Named, expected: Expected): boolean {
  const before = getWebhook(db, { workspace, name });
  demandRevision(`webhook ${name}`, { revision: before?.revision ?? 0, expected });
  db.run(SQL.removeDeliveries, [workspace, name]);
  return db.run(SQL.remove, [workspace, name]) === 1;
}

type Step = Parameters<WebhookStore["take"]>[1];

export function takeForWebhook(db: Database, { workspace, name }: Named, { from, to, deliveries }: Step): boolean {
  if (db.run(SQL.move, [to, workspace, name, from]) !== 1) return false;
  for (const delivery of deliveries) db.run(SQL.deliver, deliveriesTable.encode(delivery));
  return true;
}

export function recordDelivery(db: Database, delivery: Delivery): boolean {
  return db.run(SQL.record, sentValues(delivery)) === 1;
}

export function markWebhook(
  db: Database,
  { workspace, name }: Named,
  { failingSince, pausedAt }: Parameters<WebhookStore["mark"]>[1],
): void {
  db.run(SQL.mark, [failingSince, workspace, name]);
  if (pausedAt !== null) db.run(SQL.pause, [pausedAt, workspace, name]);
}

export function listDeliveries(db: Database, filter: DeliveryFilter): Delivery[] {
  const { sql, values } = deliveryQuery(filter, () => "?");
  return db.all(sql, values).map((row) => deliveriesTable.decode(row));
}

export function redriveDeliveries(
  db: Database,
  { workspace, name }: Named,
  { ids, now }: { readonly ids: readonly string[] | null; readonly now: number },
): number {
  if (ids === null) return db.run(SQL.redriveAll, [now, workspace, name]);
  return ids.reduce((count, id) => count + db.run(SQL.redriveOne, [now, workspace, name, id]), 0);
}

export function pruneDeliveries(db: Database, before: number, limit: number): number {
  return db.run(SQL.prune, [before, limit, before]);
}
