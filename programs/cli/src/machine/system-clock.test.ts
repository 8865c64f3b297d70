import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./system-clock.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a time beyond what a timer can hold is waited for all the same", () => {
  const called = vi.fn<() => void>();
  const fortyDays = 40 * 86_400_000;
  systemClock.after(fortyDays, called);
  vi.advanceTimersByTime(fortyDays - 1);
  expect(called).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(called).toHaveBeenCalledOnce();
});

test("what was taken back is not called", () => {
  const called = vi.fn<() => void>();
  const takeBack = systemClock.after(40 * 86_400_000, called);
  vi.advanceTimersByTime(30 * 86_400_000);
  takeBack();
  vi.advanceTimersByTime(30 * 86_400_000);
  expect(called).not.toHaveBeenCalled();
});
