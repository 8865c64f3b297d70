/** Deliveries of webhooks when PostgreSQL ends a statement in favour of another. */
import { describe, expect, test } from "vitest";
import { deliveryOf, T0, testPostgres, webhookOf } from "@windlass/testkit";
import { testStores } from "./stores-fixture.ts";

const postgres = testPostgres();

describe.skipIf(postgres.missing)("deliveries", () => {
  const opened = testStores(postgres);

  test.each(["40001", "40P01"])("are sent again, stored and pruned by the next try, when one failed with %s", async (code) => {
    const { webhooks } = opened.store;
    const webhook = await webhooks.put(webhookOf(), 0);
    const dead = [1, 2].map((n) => deliveryOf(n, { state: "dead", tries: 9, nextAt: null, settledAt: T0 }));
    await webhooks.take(webhook, { from: webhook.position, to: "0009", deliveries: dead });
    // What a sequence has given is not taken back. Two in a row pass, so that what loses in the middle begins again.
    await opened.pool.query("CREATE SEQUENCE tries");
    await opened.pool.query(
      `CREATE FUNCTION lose() RETURNS trigger AS $$ BEGIN
         IF nextval('tries') % 3 = 1 THEN RAISE EXCEPTION 'lost' USING ERRCODE = '${code}'; END IF; RETURN NULL; END $$ LANGUAGE plpgsql`,
    );
    await opened.pool.query("CREATE TRIGGER lose AFTER UPDATE OR DELETE ON webhook_deliveries FOR EACH STATEMENT EXECUTE FUNCTION lose()");
    const ids = dead.map(({ id }) => id);
    expect(await webhooks.redrive(webhook, null, T0 + 1)).toBe(2);
    for (const one of dead) expect(await webhooks.record({ ...one, tries: 1 })).toBe(true);
    expect(await webhooks.redrive(webhook, ids, T0 + 2)).toBe(2);
    for (const one of dead) expect(await webhooks.record({ ...one, tries: 1 })).toBe(true);
    expect(await webhooks.prune(T0 + 1, 10)).toBe(2);
    expect(await webhooks.deliveries({ workspace: "default", webhook: webhook.name, limit: 10 })).toEqual([]);
  });
});
