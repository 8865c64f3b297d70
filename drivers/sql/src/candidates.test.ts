import { queueState, type QueueSettings } from "@windlass/kernel";
import { expect, test } from "vitest";
import { candidatesOf } from "./candidates.ts";

/** The first thing that whoever has one slot, and would read a hundred ahead, wants to know. */
function firstProbe(settings: Partial<QueueSettings>, running: number): unknown {
  const state = queueState(settings, { running });
  const turn = { after: undefined, several: false };
  return candidatesOf({ executor: "handler", queue: "default", state, turn, limit: 1, ahead: 100, now: 0 }).next().value;
}

test("beyond the slots no more is looked at than a limit lets be read ahead, and the next (C4)", () => {
  expect(firstProbe({}, 0)).toEqual({ type: "ready", limit: 101 });
  expect(firstProbe({ concurrencyLimit: 1_000 }, 0)).toEqual({ type: "ready", limit: 101 });
  expect(firstProbe({ concurrencyLimit: 11 }, 2)).toEqual({ type: "ready", limit: 4 });
  expect(firstProbe({ concurrencyLimit: 11 }, 10)).toEqual({ type: "ready", limit: 1 });
  expect(firstProbe({ concurrencyLimit: 11 }, 11)).toEqual({ type: "resumed", limit: 101 });
  expect(firstProbe({ rateLimit: { limit: 50, perSeconds: 1 } }, 0)).toEqual({ type: "ready", limit: 1 });
});
