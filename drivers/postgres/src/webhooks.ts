/** `WebhookStore` on PostgreSQL. */
import type pg from "pg";
import { demandRevision, type Webhook } from "@windlass/kernel";
import type { WebhookStore } from "@windlass/ports";
import { deliveriesTable, deliveryQuery, sentValues, webhooksTable, webhookStatements, webhookValues } from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Querier } from "./connection.ts";
import { inTransaction } from "./transaction.ts";

const SQL = webhookStatements((n) => `$${n}`);
const LOCKED = `${SQL.get} FOR UPDATE`;

type Named = Pick<Webhook, "workspace" | "name">;

export function webhookStore(db: Querier, pool: pg.Pool): WebhookStore {
  return {
    async list(workspace) {
      const rows = await (workspace === null ? db.rows(SQL.all) : db.rows(SQL.ofWorkspace, [workspace]));
      return rows.map((row) => webhooksTable.decode(row));
    },
    put: (webhook, expected) =>
      inTransaction(pool, async (tx) => {
        await demandWorkspace(tx, webhook.workspace);
        // Of two who make the same one, the second waits here and then finds what the first has made.
        const isNew = expected !== "any" && (await tx.count(SQL.add, webhooksTable.encode({ ...webhook, revision: 1 }))) === 1;
        const before = await locked(tx, webhook);
        demandRevision(`webhook ${webhook.name}`, { revision: isNew ? 0 : (before?.revision ?? 0), expected });
        if (!isNew && before !== null) await tx.rows(SQL.change, webhookValues(webhook, before.revision));
        return (await locked(tx, webhook)) as Webhook;
      }),
    remove: (workspace, name, expected) =>
      inTransaction(pool, async (tx) => {
        const before = await locked(tx, { workspace, name });
        demandRevision(`webhook ${name}`, { revision: before?.revision ?? 0, expected });
        await tx.rows(SQL.removeDeliveries, [workspace, name]);
        return (await tx.count(SQL.remove, [workspace, name])) === 1;
      }),
    take: ({ workspace, name }, { from, to, deliveries }) =>
      inTransaction(pool, async (tx) => {
        if ((await tx.count(SQL.move, [to, workspace, name, from])) !== 1) return false;
        for (const delivery of deliveries) await tx.rows(SQL.deliver, deliveriesTable.encode(delivery));
        return true;
      }),
    record: async (delivery) => (await db.count(SQL.record, sentValues(delivery))) === 1,
    async mark({ workspace, name }, { failingSince, pausedAt }) {
      await db.rows(SQL.mark, [failingSince, workspace, name]);
      if (pausedAt !== null) await db.rows(SQL.pause, [pausedAt, workspace, name]);
    },
    async deliveries(filter) {
      const { sql, values } = deliveryQuery(filter, (n) => `$${n}`);
      return (await db.once(sql, values)).map((row) => deliveriesTable.decode(row));
    },
    redrive: ({ workspace, name }, ids, now) =>
      inTransaction(pool, async (tx) => {
        if (ids === null) return tx.count(SQL.redriveAll, [now, workspace, name]);
        let count = 0;
        for (const id of ids.toSorted()) count += await tx.count(SQL.redriveOne, [now, workspace, name, id]);
        return count;
      }),
    prune: (before, limit) => db.count(SQL.prune, [before, limit, before]),
  };
}

async function locked(tx: Querier, { workspace, name }: Named): Promise<Webhook | null> {
  const [row] = await tx.rows(LOCKED, [workspace, name]);
  return row === undefined ? null : webhooksTable.decode(row);
}
