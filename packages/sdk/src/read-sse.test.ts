import fc from "fast-check";
import { expect, test } from "vitest";
import { readSse, type SseMessage } from "./read-sse.ts";

async function read(text: string, cuts: readonly number[] = []): Promise<SseMessage[]> {
  const bytes = new TextEncoder().encode(text);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i]);
  }
  return Array.fromAsync(readSse(pieces()));
}

test("fields, comments, many data lines and ids that stay", async () => {
  expect(await read("id: 6\n\n: alive\n\ndata: a\n\nid: 7\n\n")).toEqual([
    { id: "6", event: "", data: "" },
    { id: "6", event: "message", data: "a" },
    { id: "7", event: "", data: "" },
  ]);
  expect(await read(": hi\nid: 7\nevent: log\ndata: a\ndata:b\n\ndata: c\n\ndata: torn")).toEqual([
    { id: "7", event: "log", data: "a\nb" },
    { id: "7", event: "message", data: "c" },
  ]);
});

test("however the bytes are cut, the messages are the same", async () => {
  const text = "id: 1\r\ndata: grüße 🚀\r\n\r\nid: 2\ndata: x\n\nid: 3\rdata: y\r\r";
  const whole = await read(`${text}\n`);
  expect(whole).toHaveLength(3);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(), { maxLength: 20 }), async (cuts) => {
      expect(await read(`${text}\n`, cuts)).toEqual(whole);
    }),
  );
});
