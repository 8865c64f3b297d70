import { WindlassError } from "@windlass/kernel";
import { expect, test, vi } from "vitest";
import { Unheard, untilHeard } from "./unheard.ts";

const cutOff = (result: string): WindlassError =>
  new WindlassError("unavailable", "cut off", { cause: new Unheard(result, new Error("cut off")) });
const [cut, cutAgain] = [cutOff("first"), cutOff("second")];
const taken = new WindlassError("conflict", "the key is there");

/** Each call of `store`, and each look, comes to the next of these; and what was looked for. */
async function outcome(stores: readonly unknown[], looks: readonly (boolean | null | Error)[] = []) {
  const [outcomes, seen] = [stores.values(), looks.values()];
  const store = vi.fn<() => Promise<unknown>>(() => answer(outcomes.next().value));
  const ask = vi.fn<(result: unknown) => Promise<boolean | null>>(() => answer(seen.next().value) as Promise<boolean | null>);
  const told = await untilHeard(store, ask).catch((error: unknown) => error);
  expect([store.mock.calls.length, ask.mock.calls.length]).toEqual([stores.length, looks.length]);
  return [told, ...ask.mock.calls.flat()];
}

function answer(one: unknown): Promise<unknown> {
  return one instanceof Error ? Promise.reject(one) : Promise.resolve(one);
}

test("what has an answer is not looked for", async () => {
  expect(await outcome(["done"])).toEqual(["done"]);
  expect(await outcome([taken])).toEqual([taken]);
});

test("what is there was stored, and comes to what it would have", async () => {
  expect(await outcome([cut], [true])).toEqual(["first", "first"]);
});

test("what is not there is done again", async () => {
  expect(await outcome([cut, "second"], [false])).toEqual(["second", "first"]);
});

test("what arrived only while it was done again was stored", async () => {
  expect(await outcome([cut, taken], [false, true])).toEqual(["first", "first", "first"]);
});

test("what was cut off again is looked for by what it would have come to then", async () => {
  expect(await outcome([cut, cutAgain], [false, true])).toEqual(["second", "first", "second"]);
});

test("where nobody knows, it failed as it did first, and is not done again", async () => {
  expect(await outcome([cut, taken], [false, false])).toEqual([cut, "first", "first"]);
  expect(await outcome([cut, cutAgain], [false, new Error("cut off")])).toEqual([cut, "first", "second"]);
  expect(await outcome([cut], [new Error("cut off")])).toEqual([cut, "first"]);
  expect(await outcome([cut], [null])).toEqual([cut, "first"]);
});
