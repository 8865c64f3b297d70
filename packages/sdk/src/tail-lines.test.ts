import type { LogChunkJson } from "@windlass/contract";
import fc from "fast-check";
import { expect, test } from "vitest";
import { answering, hasty, sse } from "./client-fixture.ts";
import type { StreamedItem } from "./stream-items.ts";
import { tailLines, type TailedLine } from "./tail-lines.ts";

interface Printed {
  readonly attempt: number;
  readonly stream: "stdout" | "stderr";
  readonly bytes: readonly number[];
}

const pieceOf = ({ attempt, stream, bytes }: Printed): LogChunkJson => ({
  attempt,
  stream,
  at: "2026-01-01T00:00:00.000Z",
  base64: btoa(String.fromCharCode(...bytes)),
});

/** A server's log: one item for each piece, with its number as position. */
const logOf = (pieces: readonly Printed[]) =>
  async function* follow(after: string): AsyncGenerator<StreamedItem> {
    const [, from = ""] = after.split(":");
    for (const [index, piece] of pieces.entries())
      if (index >= Number(from))
        yield { position: `1:${index + 1}`, item: { type: "chunks", chunks: [pieceOf(piece)] } as StreamedItem["item"] };
    yield { position: "", item: { type: "end" } };
  };

const all = (lines: AsyncIterable<TailedLine>): Promise<TailedLine[]> => Array.fromAsync(lines);

const printed = fc
  .array(
    fc.record({
      stream: fc.constantFrom("stdout" as const, "stderr" as const),
      bytes: fc.array(fc.constantFrom(...new TextEncoder().encode("aü🚀\r\n\n")), { maxLength: 6 }),
      again: fc.nat({ max: 5 }),
    }),
    { maxLength: 12 },
  )
  .map((pieces) => {
    let attempt = 1;
    return pieces.map(({ stream, bytes, again }) => ({ stream, bytes, attempt: again === 0 ? ++attempt : attempt }));
  });

test("who continues behind a line gets exactly the lines behind it, wherever the pieces were cut", async () => {
  await fc.assert(
    fc.asyncProperty(printed, fc.nat(), fc.nat(), async (pieces, first, second) => {
      const whole = await all(tailLines(logOf(pieces)));
      const texts = whole.map(({ text }) => text);
      if (whole.length === 0) return;
      const one = whole[first % whole.length];
      const rest = await all(tailLines(logOf(pieces), one?.position));
      expect(rest.map(({ text }) => text)).toEqual(texts.slice((first % whole.length) + 1));
      if (rest.length === 0) return;
      const again = await all(tailLines(logOf(pieces), rest[second % rest.length]?.position));
      expect(again.map(({ text }) => text)).toEqual(rest.slice((second % rest.length) + 1).map(({ text }) => text));
    }),
  );
});

test("lines of two streams and of two attempts are kept apart", async () => {
  const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];
  const pieces: Printed[] = [
    { attempt: 1, stream: "stdout", bytes: bytes("on") },
    { attempt: 1, stream: "stderr", bytes: bytes("oops\r\n") },
    { attempt: 1, stream: "stdout", bytes: bytes("e\ntorn") },
    { attempt: 2, stream: "stdout", bytes: bytes("again\n") },
  ];
  const lines = await all(tailLines(logOf(pieces)));
  expect(lines.map(({ attempt, stream, text }) => [attempt, stream, text])).toEqual([
    [1, "stderr", "oops"],
    [1, "stdout", "one"],
    [1, "stdout", "torn"],
    [2, "stdout", "again"],
  ]);
});

test("a line longer than what is kept is cut", async () => {
  const long = Array.from({ length: 150_000 }, () => 97);
  const lines = await all(
    tailLines(
      logOf([
        { attempt: 1, stream: "stdout", bytes: long.slice(0, 70_000) },
        { attempt: 1, stream: "stdout", bytes: [...long.slice(70_000), 10] },
      ]),
    ),
  );
  expect(lines.map(({ text }) => text.length)).toEqual([65_536, 65_536, 150_000 - 2 * 65_536]);
});

test("the client follows the log from its first attempt, and goes on over a lost connection", async () => {
  const chunk = (text: string): object => ({ type: "chunks", chunks: [{ attempt: 1, stream: "stdout", at: "t", text }] });
  const { sent, fetch } = answering(
    () => sse(["1:a", chunk("one\ntw")]),
    () => sse(["1:b", chunk("o\n")], ["", { type: "end" }]),
  );
  const texts: string[] = [];
  for await (const { text } of hasty({ fetch }).api.tail("job_1")) texts.push(text);
  expect(texts).toEqual(["one", "two"]);
  expect(sent.map(({ url, headers }) => [new URL(url).searchParams.get("after"), headers["last-event-id"]])).toEqual([
    ["1:", undefined],
    ["1:", "1:a"],
  ]);
});

test("a position that tail has not given is refused", async () => {
  const { api } = hasty({ fetch: answering(() => sse()).fetch });
  await expect(api.tail("job_1", { after: "1:5" }).next()).rejects.toMatchObject({ code: "invalid" });
});
