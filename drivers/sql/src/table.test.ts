import fc from "fast-check";
import { expect, test } from "vitest";
import { differOf, tableOf } from "./table.ts";

interface Thing {
  readonly name: string | null;
  readonly count: number | null;
  readonly isOpen: boolean | null;
  readonly detailText: { readonly a: number } | null;
}

const table = tableOf<Thing>("things", { name: "text", count: "integer", isOpen: "flag", detailText: "json" }, { name: "thing_name" });
const things = fc.record<Thing>({
  name: fc.option(fc.string()),
  count: fc.option(fc.integer()),
  isOpen: fc.option(fc.boolean()),
  detailText: fc.option(fc.record({ a: fc.integer() }, { noNullPrototype: true })),
});

test("columns have the names of the fields in snake case, or those that are given", () => {
  expect(table.list("t.")).toBe("t.thing_name, t.count, t.is_open, t.detail_text");
});

test("a record comes back as it was", () => {
  fc.assert(
    fc.property(things, (thing) => {
      expect(table.decode(["before", ...table.encode(thing)], 1)).toEqual(thing);
      expect(table.decodeShared(["before", ...table.encode(thing)], 1)).toEqual(thing);
    }),
  );
});

test("what differs are the bits and the values of the columns that are not the same", () => {
  const differ = differOf(table.columns);
  fc.assert(
    fc.property(things, things, (now, before) => {
      const values: unknown[] = [];
      const bits = differ(now, before, values as never);
      const changed = table.columns.filter(({ key }) => now[key] !== before[key]);
      expect(table.columns.filter((_, i) => (bits & (1 << i)) !== 0)).toEqual(changed);
      expect(values).toEqual(table.columns.flatMap((column, i) => (changed.includes(column) ? [table.encode(now)[i]] : [])));
    }),
  );
});

test("many records become the rows that each of them becomes, also where they share what is written as JSON", () => {
  fc.assert(
    fc.property(fc.array(things), (some) => {
      const all = [...some, ...some.slice(-1)];
      expect(table.encodeAll(all)).toEqual(all.map((thing) => table.encode(thing)));
    }),
  );
});

test("of many that are mostly alike each column is told once, or as the first one has it, or row by row", () => {
  fc.assert(
    fc.property(fc.array(things, { minLength: 1 }), fc.boolean(), (some, isAlike) => {
      const all = isAlike ? some.map((thing) => ({ ...thing, count: 1, detailText: some[0]?.detailText ?? null })) : some;
      const { count, columns } = table.alike(all);
      expect(count).toBe(all.length);
      const rows = table.encodeAll(all);
      for (const [i, values] of columns.entries()) {
        const column = rows.map((row) => row[i]);
        if (new Set(column).size === 1) expect(values).toEqual([column[0]]);
        else if (i > 0 && column.every((value, row) => value === rows[row]?.[0])) expect(values).toEqual([]);
        else expect(values).toEqual(column);
      }
    }),
  );
  expect(table.alike([])).toEqual({ count: 0, columns: [] });
});

test("what is in each row as in its first column is told there only", () => {
  const pairs = tableOf<{ id: string; root: string; n: number }>("pairs", { id: "text", root: "text", n: "integer" });
  const all = [
    { id: "a", root: "a", n: 7 },
    { id: "b", root: "b", n: 7 },
  ];
  expect(pairs.alike(all).columns).toEqual([["a", "b"], [], [7]]);
});

test("JSON that was read already stays as it is", () => {
  const detailText = { a: 1 };
  expect(table.decode(["x", 1, 1, detailText]).detailText).toBe(detailText);
});
