import { deliveryOf, jobRecord, T0 } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import type { JobEvent } from "./event.ts";
import { afterSending, matchesWebhook, webhookBody, type Delivery, type WebhookFilter } from "./webhook.ts";

const everything: WebhookFilter = { types: [], kinds: [], names: [], outcomes: [], labels: {} };
const record = jobRecord({ name: "nightly", labels: { team: "data", tier: "1" } });
const event: JobEvent = { jobId: record.id, seq: 3, at: T0, type: "job.finished", attempt: 1, data: { outcome: "failed_oom" } };
const delivery = deliveryOf(1, { jobId: record.id, seq: 3, body: "{}" });

test("an empty list narrows nothing, and all that is given must fit", () => {
  const matches = (filter: Partial<WebhookFilter>): boolean => matchesWebhook({ ...everything, ...filter }, event, record);
  expect(matches({})).toBe(true);
  for (const fits of [
    { types: ["job.finished"] },
    { kinds: ["task"] },
    { names: ["other", "nightly"] },
    { outcomes: ["failed_oom"] },
    { labels: { team: "data" } },
  ] as const)
    expect(matches(fits), JSON.stringify(fits)).toBe(true);
  for (const not of [
    { types: ["job.started"] },
    { kinds: ["step"] },
    { names: ["night"] },
    { outcomes: ["failed"] },
    { labels: { team: "data", tier: "2" } },
  ] as const)
    expect(matches(not), JSON.stringify(not)).toBe(false);
  expect(matchesWebhook({ ...everything, outcomes: ["failed"] }, { ...event, data: null }, record)).toBe(false);
});

test("what is told has a type, a time and the event with its job, and nothing of what the job was given or made", () => {
  const body = JSON.parse(webhookBody({ workspace: "default", event, record: { ...record, input: { password: "x" } } })) as object;
  expect(body).toEqual({
    type: "job.finished",
    timestamp: new Date(T0).toISOString(),
    data: {
      workspace: "default",
      job: {
        id: record.id,
        kind: "task",
        name: "nightly",
        parentId: null,
        rootId: record.id,
        key: null,
        labels: record.labels,
        commit: null,
      },
      event: { seq: 3, attempt: 1, data: { outcome: "failed_oom" } },
    },
  });
});

describe("a delivery that was sent", () => {
  const sendUntilSettled = (status: number | null): Delivery => {
    let one = delivery;
    for (let now = T0; one.state === "pending" && one.tries < 99; now = one.nextAt ?? now)
      one = afterSending(one, { status, error: "no", tookMs: 5 }, { now, random: 0 });
    return one;
  };

  test("and taken is settled", () => {
    const taken = afterSending(delivery, { status: 204, error: null, tookMs: 5 }, { now: T0 + 9, random: 0 });
    expect(taken).toMatchObject({
      state: "delivered",
      tries: 1,
      nextAt: null,
      settledAt: T0 + 9,
      lastStatus: 204,
      lastError: null,
      tookMs: 5,
    });
  });

  test("and not taken is sent again ever later, and is dead after about an hour", () => {
    const first = afterSending(delivery, { status: 503, error: "it answered 503", tookMs: 5 }, { now: T0, random: 0 });
    expect(first).toMatchObject({ state: "pending", tries: 1, nextAt: T0 + 1_000, lastError: "it answered 503" });
    expect(afterSending(first, { status: null, error: "x", tookMs: 5 }, { now: T0, random: 0 }).nextAt).toBe(T0 + 3_000);
    const dead = sendUntilSettled(null);
    expect(dead).toMatchObject({ state: "dead", tries: 13, nextAt: null });
    expect((dead.settledAt ?? 0) - T0).toBeGreaterThan(60 * 60_000);
    expect((dead.settledAt ?? 0) - T0).toBeLessThan(90 * 60_000);
  });

  test("is left alone for as long as the receiver asks, and for an hour at most", () => {
    const after = (retryAfterMs: number): number =>
      (afterSending(delivery, { status: 429, error: "later", tookMs: 5, retryAfterMs }, { now: T0, random: 0 }).nextAt ?? 0) - T0;
    expect([after(0), after(90_000), after(9 * 3_600_000)]).toEqual([1_000, 90_000, 3_600_000]);
  });

  test("and refused for good is given up sooner, unless the receiver only says that it is too early", () => {
    expect(sendUntilSettled(422)).toMatchObject({ state: "dead", tries: 3 });
    expect(sendUntilSettled(429)).toMatchObject({ state: "dead", tries: 13 });
    expect(sendUntilSettled(302)).toMatchObject({ state: "dead", tries: 13 });
  });
});
