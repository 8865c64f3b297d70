/** What the cases of the contract of `Notices` have in common. */
import type { DeadNotice, NoticeFigures, Notices, OutgoingNotice, ReceivedNotice } from "@windlass/ports";
import { expect } from "vitest";

/** Nothing here waits for it to pass. */
export const LONG_MS = 300_000;
/** As short as every broker can: waited for in some cases. */
export const SHORT_MS = 1_000;
/** For what is extended or acknowledged in time: a busy machine must not be late for it. */
export const MIDDLE_MS = 3_000;
export const WAIT_MS = 20_000;
export const PATIENCE = { timeout: 60_000, interval: 50 };
export const ATTEMPTS_MAX = 3;

export type Connect = (visibilityMs?: number) => Promise<Notices>;

export const notice = (id: string, body = `{"id":"${id}"}`): OutgoingNotice => ({
  id,
  body,
  attributes: { trigger_type: "schedule", workflow_id: "nightly" },
});

export async function sendAll(queue: Notices, notices: readonly OutgoingNotice[]): Promise<void> {
  expect(await queue.send(notices)).toEqual(notices.map(({ id }) => ({ id, fault: null })));
}

/** Exactly one, whose id is known. */
export async function receiveOne(queue: Notices): Promise<ReceivedNotice> {
  const found = await receiveUntil(queue, 1);
  expect(found).toHaveLength(1);
  return found[0] as ReceivedNotice;
}

/** As many as there are to be; brokers hand them out in any portions. */
export async function receiveUntil(queue: Notices, count: number): Promise<readonly ReceivedNotice[]> {
  const all: ReceivedNotice[] = [];
  for (let tries = 0; all.length < count && tries < PATIENCE.timeout / WAIT_MS + count; tries++)
    all.push(...(await queue.receive({ max: Math.min(10, count - all.length), waitMs: WAIT_MS })));
  return all;
}

export const idsOf = (all: readonly { readonly id: string }[]): readonly string[] => all.map(({ id }) => id).toSorted();

export async function figures(queue: Notices, wanted: Partial<NoticeFigures>): Promise<void> {
  await expect.poll(() => queue.figures(), PATIENCE).toMatchObject(wanted);
}

export async function deadOf(queue: Notices, count: number): Promise<readonly DeadNotice[]> {
  await expect.poll(async () => (await queue.dead.look({ limit: 100 })).letters.length, PATIENCE).toBe(count);
  return (await queue.dead.look({ limit: 100 })).letters;
}
