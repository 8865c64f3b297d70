/** More schedules that are due at once than one page holds. */
import { afterEach, expect, test } from "vitest";
import { dispatchFixture, type DispatchFixture } from "./dispatch-fixture.ts";
import { dispatchPages } from "./dispatch-pages.ts";

let fixture: DispatchFixture | undefined;
afterEach(() => fixture?.close());

const START = "2026-03-02T08:59:00Z";
const DUE = "2026-03-02T09:00:00Z";

async function withDue(count: number): Promise<DispatchFixture> {
  const f = await dispatchFixture(START);
  fixture = f;
  for (let i = 0; i < count; i++) await f.put("0 9 * * *", { name: `s${i}` });
  f.set(DUE);
  return f;
}

async function pagesOf(f: DispatchFixture, pagesMax?: number) {
  const sizes: number[] = [];
  const ids: string[] = [];
  const looked = await dispatchPages(f.parts, {
    now: Date.parse(DUE),
    ...(pagesMax === undefined ? {} : { pagesMax }),
    onPage: (due, { counted }) => {
      sizes.push(counted.filter(Boolean).length);
      ids.push(...due.map(({ schedule }) => schedule.id));
    },
  });
  return { ...looked, sizes, distinct: new Set(ids).size };
}

test("all of them are decided about, each once: a small page first, so that something is stored soon", async () => {
  const f = await withDue(1_103);
  expect(await pagesOf(f)).toEqual({ schedules: 1_103, more: false, sizes: [100, 500, 500, 3], distinct: 1_103 });
  expect(await pagesOf(f)).toEqual({ schedules: 0, more: false, sizes: [], distinct: 0 });
  for (const i of [0, 99, 100, 599, 600, 1_102]) expect(await f.told(`s${i}`)).toEqual(["09:00:00 fired"]);
});

test("a pass that may not look at more says that there may be more, and the next one goes on there", async () => {
  const f = await withDue(620);
  expect(await pagesOf(f, 1)).toEqual({ schedules: 100, more: true, sizes: [100], distinct: 100 });
  expect(await pagesOf(f, 2)).toEqual({ schedules: 520, more: false, sizes: [100, 420], distinct: 520 });
});

test.each([99, 100])("of %i none is left over", async (count) => {
  const f = await withDue(count);
  expect(await pagesOf(f)).toEqual({ schedules: count, more: false, sizes: [count], distinct: count });
});
