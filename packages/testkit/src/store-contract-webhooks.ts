/** Contract: webhooks and their deliveries. */
import { expect, test } from "vitest";
import type { Delivery } from "@windlass/kernel";
import { deliveryOf, T0, webhookOf } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

const webhook = webhookOf();
const id = { workspace: "default", name: "chat" };

const sent = (of: Delivery, more: Partial<Delivery> = {}): Delivery => ({
  ...of,
  state: "delivered",
  tries: of.tries + 1,
  nextAt: null,
  lastAt: T0 + 5,
  lastStatus: 204,
  tookMs: 7,
  settledAt: T0 + 5,
  ...more,
});

export function describeWebhooks(subject: Subject): void {
  test("a webhook is made by one alone, changed only as it is expected to be, and keeps its place", async () => {
    const { webhooks, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    const made = await Promise.allSettled([webhooks.put(webhook, 0), webhooks.put(webhook, 0)]);
    expect(made.map(({ status }) => status).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(["fulfilled", "rejected"]);
    expect(await webhooks.list(null)).toEqual([{ ...webhook, revision: 1 }]);
    await webhooks.take(id, { from: "0001", to: "0005", deliveries: [] });
    const changed = await webhooks.put({ ...webhook, url: "https://other.example", paused: true, pausedBy: "bob", pausedAt: T0 }, 1);
    expect(changed).toMatchObject({ url: "https://other.example", paused: true, pausedBy: "bob", position: "0005", revision: 2 });
    await expect(webhooks.put(webhook, 1)).rejects.toMatchObject({ code: "revision_mismatch" });
    await expect(webhooks.put({ ...webhook, name: "none" }, "any")).rejects.toMatchObject({ code: "revision_mismatch" });
    await webhooks.put({ ...webhook, workspace: "acme" }, 0);
    expect((await webhooks.list("acme")).map(({ workspace }) => workspace)).toEqual(["acme"]);
    expect((await webhooks.list(null)).map(({ workspace }) => workspace)).toEqual(["acme", "default"]);
    await expect(webhooks.remove("default", "chat", 1)).rejects.toMatchObject({ code: "revision_mismatch" });
    expect([await webhooks.remove("default", "chat", 2), await webhooks.remove("default", "chat", null)]).toEqual([true, false]);
  });

  test("a workspace does not go while it has webhooks", async () => {
    const { webhooks, workspaces } = subject.store;
    await workspaces.add({ name: "acme", createdBy: "ann", createdAt: T0 });
    await webhooks.put({ ...webhook, workspace: "acme" }, 0);
    expect(await workspaces.remove("acme", T0)).toBe("webhooks");
    await webhooks.remove("acme", "chat", null);
    expect(await workspaces.remove("acme", T0)).toBe("removed");
  });

  test("deliveries are stored with the place behind them, by whoever is first, each event once", async () => {
    const { webhooks } = subject.store;
    await webhooks.put(webhook, 0);
    const step = { from: "0001", to: "0003", deliveries: [deliveryOf(2), deliveryOf(3)] };
    expect(
      (await Promise.all([webhooks.take(id, step), webhooks.take(id, { ...step, deliveries: [deliveryOf(2, { id: "msg_x" })] })])).filter(
        Boolean,
      ),
    ).toHaveLength(1);
    const all = await webhooks.deliveries({ workspace: "default", webhook: "chat", limit: 9 });
    expect(all.every(({ webhook: of, state }) => of === "chat" && state === "pending")).toBe(true);
    expect((await webhooks.list("default"))[0]?.position).toBe("0003");
    expect(await webhooks.take({ ...id, name: "none" }, { ...step, from: "0003" })).toBe(false);
  });

  test("deliveries are listed by place, and what sending came to is stored once", async () => {
    const { webhooks } = subject.store;
    await webhooks.put(webhook, 0);
    const three = [deliveryOf(2), deliveryOf(3), deliveryOf(4)];
    await webhooks.take(id, { from: "0001", to: "0004", deliveries: three });
    const list = async (more: object = {}): Promise<string[]> =>
      (await webhooks.deliveries({ workspace: "default", webhook: "chat", limit: 9, ...more })).map((one) => one.id);
    expect(await list()).toEqual(["msg_4", "msg_3", "msg_2"]);
    expect(await list({ order: "oldest", limit: 2 })).toEqual(["msg_2", "msg_3"]);
    expect(await list({ after: "0003" })).toEqual(["msg_2"]);
    expect(await list({ order: "oldest", after: "0003" })).toEqual(["msg_4"]);
    expect([await webhooks.record(sent(deliveryOf(2))), await webhooks.record(sent(deliveryOf(2)))]).toEqual([true, false]);
    expect(await list({ state: "pending", order: "oldest" })).toEqual(["msg_3", "msg_4"]);
    expect(await webhooks.deliveries({ workspace: "default", webhook: "chat", state: "delivered", limit: 9 })).toEqual([
      sent(deliveryOf(2)),
    ]);
    expect(await list({ workspace: "acme" })).toEqual([]);
    await webhooks.remove("default", "chat", null);
    expect(await list()).toEqual([]);
  });

  test("dead deliveries are sent again under their ids, and old ones are removed", async () => {
    const { webhooks } = subject.store;
    await webhooks.put(webhook, 0);
    await webhooks.take(id, { from: "0001", to: "0004", deliveries: [deliveryOf(2), deliveryOf(3), deliveryOf(4)] });
    const dead = { state: "dead", lastStatus: 500, lastError: "it answered 500" } as const;
    for (const n of [2, 3]) await webhooks.record(sent(deliveryOf(n), dead));
    await webhooks.record(sent(deliveryOf(4)));
    expect(await webhooks.redrive(id, ["msg_3", "msg_4", "msg_none"], T0 + 9)).toBe(1);
    const [again] = await webhooks.deliveries({ workspace: "default", webhook: "chat", state: "pending", limit: 9 });
    expect(again).toMatchObject({ id: "msg_3", tries: 0, nextAt: T0 + 9, settledAt: null });
    expect(await webhooks.redrive(id, null, T0 + 9)).toBe(1);
    expect([await webhooks.prune(T0 + 5, 9), await webhooks.prune(T0 + 6, 9), await webhooks.prune(T0 + 6, 9)]).toEqual([0, 1, 0]);
  });

  test("it is noted since when nothing is taken, and a webhook is paused for it", async () => {
    const { webhooks } = subject.store;
    await webhooks.put(webhook, 0);
    await webhooks.mark(id, { failingSince: T0 + 1, pausedAt: null });
    expect(await webhooks.list("default")).toMatchObject([{ failingSince: T0 + 1, paused: false, revision: 1 }]);
    await webhooks.mark(id, { failingSince: T0 + 1, pausedAt: T0 + 2 });
    expect(await webhooks.list("default")).toMatchObject([{ paused: true, pausedBy: "windlass", pausedAt: T0 + 2, revision: 2 }]);
    await webhooks.mark(id, { failingSince: null, pausedAt: null });
    expect(await webhooks.list("default")).toMatchObject([{ paused: true, failingSince: null }]);
  });
}
