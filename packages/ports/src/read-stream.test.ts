import { expect, test } from "vitest";
import { allBytes, linesOf } from "./read-stream.ts";

async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

test("lines are the same wherever the pieces are cut, also in the middle of a character", async () => {
  const text = Buffer.from("eins\n\nzw€i\nrest");
  for (let cut = 0; cut <= text.length; cut++)
    expect(await Array.fromAsync(linesOf(pieces(text.subarray(0, cut), text.subarray(cut))))).toEqual(["eins", "", "zw€i"]);
});

test("all is read, and no more than is allowed", async () => {
  const parts = [Buffer.from("ab"), Buffer.from("cd")];
  expect((await allBytes(pieces(...parts), 4)).toString()).toBe("abcd");
  await expect(allBytes(pieces(...parts), 3)).rejects.toThrow("more than 3 bytes");
});
