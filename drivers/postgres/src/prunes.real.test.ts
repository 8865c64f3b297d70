/** What removes what is old, and meets somebody who makes something new of it: it stays. */
import { describe, expect, test } from "vitest";
import type { Answer } from "@windlass/ports";
import { deliveryOf, T0, testPostgres, webhookOf } from "@windlass/testkit";
import { testStores, WAITING } from "./stores-fixture.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("what is old", () => {
  const opened = testStores(postgres);

  /** Removes while the change is under way: it has found the row, and waits for it. */
  async function meeting(change: string, prune: () => Promise<number>): Promise<number> {
    const client = await opened.pool.connect();
    await client.query("BEGIN");
    await client.query(change);
    const pruning = prune();
    await expect.poll(async () => (await client.query(WAITING)).rowCount).toBe(1);
    await client.query("COMMIT");
    client.release();
    return pruning;
  }

  test("an answer stays whose key was taken again", async () => {
    const { answers } = opened.store;
    const of = { workspace: "default", principal: "tok_1", operation: "queues.put", key: "k", requestHash: "h1" };
    const first: Answer = { ...of, holder: "req_1", status: null, body: null, expiresAt: T0 };
    await answers.take(first, T0 - 1);
    const taking = `UPDATE answers SET holder = 'req_2', expires_at = ${T0 + 10}`;
    expect(await meeting(taking, () => answers.prune(T0 + 1, 10))).toBe(0);
    expect(await answers.take({ ...first, holder: "req_3" }, T0 + 1)).toMatchObject({ holder: "req_2" });
  });

  test("a dead delivery stays that was sent again", async () => {
    const { webhooks } = opened.store;
    const webhook = await webhooks.put(webhookOf(), 0);
    const dead = deliveryOf(1, { state: "dead", tries: 9, nextAt: null, settledAt: T0 });
    await webhooks.take(webhook, { from: webhook.position, to: "0009", deliveries: [dead] });
    const again = "UPDATE webhook_deliveries SET state = 'pending', tries = 0, settled_at = NULL";
    expect(await meeting(again, () => webhooks.prune(T0 + 1, 10))).toBe(0);
    expect(await webhooks.deliveries({ workspace: "default", webhook: webhook.name, limit: 9 })).toMatchObject([{ state: "pending" }]);
  });
});
