import fc from "fast-check";
import { expect, test } from "vitest";
import { LogOutbox } from "./log-outbox.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test("what is put together goes together, with the time of the first", () => {
  const box = new LogOutbox(0);
  box.put(bytesOf("one\n"), 1);
  box.put(bytesOf("two\n"), 2);
  expect(box.first()).toMatchObject({ offset: 0, at: 1 });
  expect(textOf(box.first()?.bytes)).toBe("one\ntwo\n");
});

test("what is stored in part is kept from there on", () => {
  const box = new LogOutbox(0);
  box.put(bytesOf("0123456789"), 1);
  expect(box.stored(4)).toBe(true);
  expect(box.first()).toMatchObject({ offset: 4 });
  expect(textOf(box.first()?.bytes)).toBe("456789");
  expect(box.bytes).toBe(6);
});

test("what is kept holds nothing of the buffers that it came in", () => {
  const box = new LogOutbox(0);
  for (let chunk = 0; chunk < 3; chunk++) box.put(Buffer.alloc(1_048_576, "a line\n").subarray(70, 77), chunk);
  expect(textOf(box.first()?.bytes)).toBe("a line\n".repeat(3));
  expect(box.first()?.bytes.buffer.byteLength).toBeLessThan(1_000);
  box.put(Buffer.alloc(200_000), 3);
  box.stored(200_000);
  expect(box.first()?.bytes.buffer.byteLength).toBeLessThan(1_000);
});

test("what was handed out stays as it was while more is put in", () => {
  const box = new LogOutbox(0);
  box.put(bytesOf("one\n"), 1);
  const before = box.first();
  box.put(bytesOf("two\n".repeat(1_000)), 1);
  expect(textOf(before?.bytes)).toBe("one\n");
});

test("what the server has already is not taken in again", () => {
  const box = new LogOutbox(0);
  box.put(bytesOf("0123"), 1);
  expect(box.stored(8)).toBe(true);
  box.put(bytesOf("456789"), 1);
  expect(box.first()).toMatchObject({ offset: 8 });
  expect(textOf(box.first()?.bytes)).toBe("89");
});

test("a server that lacks what is here no more is noticed", () => {
  const box = new LogOutbox(0);
  box.put(bytesOf("0123456789"), 1);
  box.stored(6);
  expect(box.stored(2)).toBe(false);
});

test("whatever is stored of each piece, the server gets all bytes once and in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ minLength: 1, maxLength: 9_000 }), { maxLength: 40 }),
      fc.infiniteStream(fc.nat()),
      (pieces, chance) => {
        const box = new LogOutbox(0);
        const stored: Uint8Array[] = [];
        let at = 0;
        const send = (): void => {
          const block = box.first();
          if (block === null) return;
          const count = (chance.next().value as number) % (block.bytes.length + 1);
          stored.push(block.bytes.subarray(0, count));
          expect(box.stored(block.offset + count)).toBe(true);
        };
        for (const piece of pieces) {
          box.put(bytesOf(piece), (at += 700));
          send();
        }
        for (let tries = 0; box.first() !== null && tries < 10_000; tries++) send();
        for (let block = box.first(); block !== null; block = box.first()) {
          stored.push(block.bytes);
          box.stored(block.offset + block.bytes.length);
        }
        expect(textOf(Buffer.concat(stored))).toBe(textOf(bytesOf(pieces.join(""))));
        expect(box.bytes).toBe(0);
      },
    ),
  );
});
