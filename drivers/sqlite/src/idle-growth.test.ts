import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { IdleGrowth } from "./idle-growth.ts";

let story: string[];
let wanted: number;
let isIdle: boolean;
let isLocked: boolean;
let hasRoom: boolean;
/** Of the flush that is under way. */
let flushed: ((error: Error | null) => void) | null;
let growth: IdleGrowth;

beforeEach(() => {
  vi.useFakeTimers();
  [story, wanted, isIdle, isLocked, hasRoom, flushed] = [[], 3, true, false, true, null];
  growth = new IdleGrowth({
    db: {
      tryTransaction: (work) => {
        if (isLocked) return false;
        story.push("begin");
        work();
        story.push("commit");
        return true;
      },
    },
    log: {
      wantsMore: () => wanted > 0,
      growAhead: () => {
        story.push(`piece ${wanted--}`);
        return hasRoom;
      },
    },
    zeros: {
      flush: (done) => {
        story.push("flush");
        flushed = done;
      },
      close: () => void story.push("close"),
    },
    isIdle: () => isIdle,
    fail: (error) => void story.push(error.message),
  });
});

afterEach(() => void vi.useRealTimers());

function flushEnds(error: Error | null = null): void {
  const done = flushed;
  flushed = null;
  done?.(error);
}

const piece = (left: number): string[] => ["begin", `piece ${left}`, "commit", "flush"];

test("one piece at a time lies on the disk before the next one is written, until there are enough", () => {
  growth.rest();
  growth.rest();
  expect(story).toEqual(piece(3));
  flushEnds();
  flushEnds();
  flushEnds();
  expect([story, flushed]).toEqual([[...piece(3), ...piece(2), ...piece(1)], null]);
});

test("it stops when something has come, and goes on when nothing comes again", () => {
  growth.rest();
  isIdle = false;
  flushEnds();
  expect(story).toEqual(piece(3));
  growth.rest();
  expect(story).toEqual([...piece(3), ...piece(2)]);
});

test("while another process writes nothing is written, and no harm done", () => {
  isLocked = true;
  growth.rest();
  expect(story).toEqual([]);
  isLocked = false;
  growth.rest();
  expect(story).toEqual(piece(3));
});

test("it stops where there is no room", () => {
  hasRoom = false;
  growth.rest();
  expect([story, flushed]).toEqual([["begin", "piece 3", "commit"], null]);
});

test("a flush that fails ends the writer", () => {
  growth.rest();
  flushEnds(new Error("I/O error"));
  expect(story).toEqual([...piece(3), "I/O error"]);
});

test("the file is closed once no flush of it is under way, and nothing more is written", () => {
  growth.rest();
  growth.close();
  expect(story).toEqual(piece(3));
  flushEnds();
  growth.rest();
  expect(story).toEqual([...piece(3), "close"]);
});

test("a file of which no flush is under way is closed at once", () => {
  growth.close();
  expect(story).toEqual(["close"]);
});

test("it is time when nothing has come for ten milliseconds since the last call, and not when something has", () => {
  growth.soon();
  vi.advanceTimersByTime(9);
  growth.soon();
  vi.advanceTimersByTime(9);
  expect(story).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(story).toEqual(piece(3));
  flushEnds(new Error("over"));
  story = [];
  growth.soon();
  isIdle = false;
  vi.advanceTimersByTime(10);
  expect(story).toEqual([]);
  growth.soon();
  growth.close();
  expect(vi.getTimerCount()).toBe(0);
});
