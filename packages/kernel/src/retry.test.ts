import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ms } from "./duration.ts";
import { failureOutcomes } from "./outcome.ts";
import { reasons, type Reason } from "./reason.ts";
import { backoffDelay, DEFAULT_BACKOFF, DEFAULT_RETRY, NO_RETRY, retryDelay, type RetryPolicy } from "./retry.ts";

const random = fc.double({ min: 0, max: 0.999999, noNaN: true });
const backoff = fc.record({
  initial: fc.integer({ min: 1, max: 100_000 }).map(ms),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  max: fc.integer({ min: 100_000, max: 10_000_000 }).map(ms),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const all: RetryPolicy = { limit: 3, on: failureOutcomes, backoff: DEFAULT_BACKOFF };

describe("the delay before another attempt", () => {
  test("lies between the full delay and the part that jitter leaves, and never beyond the maximum", () => {
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 1000 }), random, (policy, attempt, chance) => {
        const full = Math.min(policy.max, policy.initial * policy.factor ** (attempt - 1));
        const delay = backoffDelay(policy, attempt, chance);
        expect(delay).toBeLessThanOrEqual(Math.ceil(full));
        expect(delay).toBeGreaterThanOrEqual(Math.floor(full * (1 - policy.jitter)));
        expect(delay).toBeLessThanOrEqual(policy.max);
      }),
    );
  });

  test("grows by the factor until the maximum", () => {
    const delays = [1, 2, 3, 4, 20].map((attempt) => backoffDelay(DEFAULT_BACKOFF, attempt, 0));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 300_000]);
  });

  test("spreads with the random number: more chance, less delay", () => {
    expect(backoffDelay(DEFAULT_BACKOFF, 1, 0)).toBe(1_000);
    expect(backoffDelay(DEFAULT_BACKOFF, 1, 0.5)).toBe(900);
  });
});

describe("whether another attempt follows", () => {
  const ended = { outcome: "failed", reason: "exit_code", attempt: 1, random: 0 } as const;

  test("only for outcomes that the policy names, and only up to its limit", () => {
    expect(retryDelay(all, ended)).toBe(1_000);
    expect(retryDelay(all, { ...ended, attempt: 3 })).toBe(4_000);
    expect(retryDelay(all, { ...ended, attempt: 4 })).toBeUndefined();
    expect(retryDelay({ ...all, on: ["failed_oom"] }, ended)).toBeUndefined();
    expect(retryDelay(NO_RETRY, { ...ended, retryAfterMs: 5 })).toBeUndefined();
  });

  test("by default only what was lost with its host is repeated, twice", () => {
    const attempts = [1, 2, 3].map((attempt) =>
      retryDelay(DEFAULT_RETRY, { outcome: "failed_node_lost", reason: "worker_lost", attempt, random: 0 }),
    );
    expect(attempts).toEqual([1_000, 2_000, undefined]);
    for (const outcome of failureOutcomes) {
      if (outcome !== "failed_node_lost") expect(retryDelay(DEFAULT_RETRY, { ...ended, outcome })).toBeUndefined();
    }
  });

  test("a delay that the handler asked for counts whatever outcomes the policy names", () => {
    expect(retryDelay({ ...all, on: [] }, { ...ended, retryAfterMs: 77 })).toBe(77);
  });

  test("never after an end that somebody decided or that nobody saw", () => {
    const never: Reason[] = ["failed_for_good", "cancel_requested", "parent_ended", "replaced", "vanished_unobserved", "handler_unknown"];
    for (const reason of reasons) {
      const delay = retryDelay(all, { ...ended, reason, retryAfterMs: 5 });
      if (never.includes(reason)) expect(delay, reason).toBeUndefined();
      else expect(delay, reason).toBe(5);
    }
  });
});
