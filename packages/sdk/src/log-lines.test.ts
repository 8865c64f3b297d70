import fc from "fast-check";
import { expect, test } from "vitest";
import { logLines } from "./log-lines.ts";

const chunk = (bytes: Uint8Array, stream: "stdout" | "stderr" = "stdout") => ({
  attempt: 1,
  stream,
  at: "2026-01-31T00:00:00.000Z",
  base64: Buffer.from(bytes).toString("base64"),
});

test("lines are the same however their bytes were cut", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n]/gu, "")),
        { minLength: 1 },
      ),
      fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
      (lines, sizes) => {
        const bytes = Buffer.from(`${lines.join("\n")}\n`);
        const reader = logLines();
        const read: string[] = [];
        for (let at = 0; at < bytes.length;) {
          const size = Number(sizes.next().value);
          read.push(...reader.push(chunk(bytes.subarray(at, at + size))).map((line) => line.text));
          at += size;
        }
        expect([...read, ...reader.rest().map((line) => line.text)]).toEqual(lines);
      },
    ),
  );
});

test("containers do not mix within a line, and their lines say whose they are", () => {
  const reader = logLines();
  expect(reader.push({ ...chunk(Buffer.from("half")), container: "init" })).toEqual([]);
  expect(reader.push(chunk(Buffer.from("main\n"))).map(({ container, text }) => [container, text])).toEqual([[undefined, "main"]]);
  const rest = reader.push({ ...chunk(Buffer.from(" done\n")), container: "init" });
  expect(rest.map(({ container, text }) => [container, text])).toEqual([["init", "half done"]]);
});

test("streams do not mix within a line, and an end without a line feed is a line", () => {
  const reader = logLines();
  expect(reader.push(chunk(Buffer.from("out")))).toEqual([]);
  expect(reader.push(chunk(Buffer.from("err\n"), "stderr")).map((line) => line.text)).toEqual(["err"]);
  expect(reader.push(chunk(Buffer.from("put\r\nrest"))).map((line) => line.text)).toEqual(["output"]);
  expect(reader.rest().map((line) => line.text)).toEqual(["rest"]);
});
