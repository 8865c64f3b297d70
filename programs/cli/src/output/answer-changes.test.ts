import { expect, test } from "vitest";
import { changesOf } from "./answer-changes.ts";
import type { Answer, Format } from "./present.ts";
import { plainStyle } from "./style.ts";

interface Row {
  readonly name: string;
  readonly running: number;
}

const answerOf = (...rows: readonly Row[]): Answer => ({
  object: { items: rows },
  human: () => "",
  table: {
    columns: [
      { title: "QUEUE", value: (row: Row) => row.name },
      { title: "RUNNING", value: (row: Row) => String(row.running) },
    ],
    rows,
    none: "",
  } as unknown as NonNullable<Answer["table"]>,
});

const changes = (format: Format): ReturnType<typeof changesOf> =>
  changesOf({
    format,
    terminal: { out: () => {}, err: () => {}, live: false, columns: 80, rows: 24, style: plainStyle, errStyle: plainStyle },
  });

test("only rows that are new or changed are told again, under the columns that were there", async () => {
  const next = changes("table");
  expect(await next(answerOf({ name: "default", running: 0 }, { name: "mail", running: 5 }))).toBe(
    "QUEUE    RUNNING\ndefault        0\nmail           5\n",
  );
  expect(await next(answerOf({ name: "default", running: 0 }, { name: "mail", running: 5 }))).toBe("");
  expect(await next(answerOf({ name: "default", running: 0 }, { name: "mail", running: 12 }))).toBe("mail          12\n");
});

test("as JSON every line is one object", async () => {
  const next = changes("json");
  expect(await next(answerOf({ name: "a", running: 1 }, { name: "b", running: 1 }))).toBe(
    '{"name":"a","running":1}\n{"name":"b","running":1}\n',
  );
  expect(await next(answerOf({ name: "a", running: 1 }, { name: "b", running: 2 }))).toBe('{"name":"b","running":2}\n');
});

test("as YAML every change is a document, and names are names", async () => {
  expect(await changes("yaml")(answerOf({ name: "a", running: 1 }))).toBe("---\nname: a\nrunning: 1\n");
  expect(await changes("name")(answerOf({ name: "a", running: 1 }))).toBe("a\n");
});

test("one object is told again when it changed, and not because its age did", async () => {
  const next = changes("table");
  let age = 0;
  const answer = (state: string): Answer => ({ object: { id: "x", state }, human: () => `${state} for ${++age}s\n` });
  expect(await next(answer("queued"))).toBe("queued for 1s\n");
  expect(await next(answer("queued"))).toBe("");
  expect(await next(answer("running"))).toBe("running for 2s\n");
});
