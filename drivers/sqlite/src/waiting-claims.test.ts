import { expect, test } from "vitest";
import type { ClaimRequest } from "@windlass/ports";
import { WaitingClaims } from "./waiting-claims.ts";

const request: ClaimRequest = { executor: "handler", session: "ses_1", place: null, limit: 2, now: 0 };
const job = { executor: "handler", queue: "default", notBefore: null } as const;

test("who got less than there was room for waits, until it gets all of it or is gone", () => {
  const waiting = new WaitingClaims();
  expect(waiting.isAwaited(job)).toBe(false);
  waiting.claimed(request, 1);
  expect(waiting.isAwaited(job)).toBe(true);
  waiting.claimed(request, 2);
  expect(waiting.isAwaited(job)).toBe(false);
  waiting.claimed({ ...request, ahead: 3 }, 4);
  expect(waiting.isAwaited(job)).toBe(true);
  waiting.closed("ses_2");
  expect(waiting.isAwaited(job)).toBe(true);
  waiting.closed("ses_1");
  expect(waiting.isAwaited(job)).toBe(false);
});

test("nobody waits for a job of another executor or queue, or one whose time has not come", () => {
  const waiting = new WaitingClaims();
  waiting.claimed({ ...request, queues: ["default", "mail"] }, 0);
  expect(waiting.isAwaited({ ...job, queue: "mail" })).toBe(true);
  expect(waiting.isAwaited({ ...job, queue: "other" })).toBe(false);
  expect(waiting.isAwaited({ ...job, executor: "process" })).toBe(false);
  expect(waiting.isAwaited({ ...job, notBefore: 1 })).toBe(false);
});

test("of very many sessions the oldest are forgotten", () => {
  const waiting = new WaitingClaims();
  for (let i = 0; i < 1_001; i++) waiting.claimed({ ...request, session: `ses_${i}`, queues: [`queue-${i}`] }, 0);
  expect([0, 1, 1_000].map((i) => waiting.isAwaited({ ...job, queue: `queue-${i}` }))).toEqual([false, true, true]);
});
