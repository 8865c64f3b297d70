import fc from "fast-check";
import { expect, test } from "vitest";
import { plainStyle } from "./style.ts";
import { renderTable, type Column } from "./table.ts";

type Row = readonly [string, string];
const columns: readonly Column<Row>[] = [
  { title: "ID", value: (row) => row[0] },
  { title: "NAME", value: (row) => row[1], elastic: true },
  { title: "LONG", value: (row) => row[0] + row[1], wide: true },
];

test("columns are aligned, and the last has no blanks behind it", () => {
  const text = renderTable(
    columns,
    [
      ["a", "one"],
      ["bcd", "two"],
    ],
    { style: plainStyle, wide: false },
  );
  expect(text).toBe("ID   NAME\na    one\nbcd  two\n");
});

test("wide columns come when they are asked for", () => {
  expect(renderTable(columns, [["a", "b"]], { style: plainStyle, wide: true })).toContain("LONG");
});

test("only what may be cut is cut, and a name never breaks the table", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.string({ maxLength: 10 }), fc.string({ maxLength: 200 })), { maxLength: 5 }), (rows) => {
      const lines = renderTable(columns, rows, { style: plainStyle, width: 40, wide: false }).slice(0, -1).split("\n");
      expect(lines).toHaveLength(rows.length + 1);
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
      // oxlint-disable-next-line no-control-regex -- the characters that may not come through
      expect(lines.join("")).not.toMatch(/[\u0000-\u001F\u007F]/u);
    }),
  );
});

test("figures stand to the right, names never do", () => {
  const named: readonly Column<Row>[] = [
    { title: "QUEUE", value: (row) => row[0], elastic: true },
    { title: "RUNNING", value: (row) => row[1] },
    { title: "STATE", value: () => "open" },
  ];
  const text = renderTable(
    named,
    [
      ["1", "1"],
      ["22", "none"],
      ["333", "1,000"],
    ],
    { style: plainStyle, wide: false },
  );
  expect(text).toBe("QUEUE  RUNNING  STATE\n1            1  open\n22        none  open\n333      1,000  open\n");
});
