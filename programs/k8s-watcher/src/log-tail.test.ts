import { expect, test } from "vitest";
import { LogTail } from "./log-tail.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (tail: LogTail): string => new TextDecoder().decode(tail.read().bytes);

test("what a second look shows again is not in it twice", () => {
  const tail = new LogTail(100);
  tail.take(bytes("one two "), 0, 0);
  tail.take(bytes("one two three"), 0, 0);
  expect(read(tail)).toBe("one two three");
});

test("what is shown before it is known where it stands is kept, and not again once that is known", () => {
  const tail = new LogTail(100);
  tail.take(bytes("one "), 0, 0);
  tail.take(bytes("hidden"), null, 0);
  expect(read(tail)).toBe("one ");
  tail.seek(4);
  tail.take(bytes("two "), null, 4);
  tail.take(bytes("three"), 12, 8);
  tail.take(bytes("three!"), 12, 8);
  expect(read(tail)).toBe("one two three!");
});

test("it says when it was cut", () => {
  const tail = new LogTail(4);
  tail.take(bytes("abc"), 0, 0);
  expect(tail.read().wasCut).toBe(false);
  tail.take(bytes("def"), 3, 3);
  expect([read(tail), tail.read().wasCut]).toEqual(["cdef", true]);
});
