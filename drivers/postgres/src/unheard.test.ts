import { WindlassError } from "@windlass/kernel";
import { expect, test, vi } from "vitest";
import { Unheard, untilHeard } from "./unheard.ts";

const cut = new WindlassError("unavailable", "cut off", { cause: new Unheard("first", new Error("cut off")) });
const taken = new WindlassError("conflict", "the key is there");

/** Each call of `store`, and each look, comes to the next of these. */
async function outcome(stores: readonly unknown[], looks: readonly (boolean | Error)[], id: string | undefined = "job_1") {
  const [outcomes, seen] = [stores.values(), looks.values()];
  const store = vi.fn<() => Promise<unknown>>(() => answer(outcomes.next().value));
  const isThere = vi.fn<() => Promise<boolean>>(() => answer(seen.next().value) as Promise<boolean>);
  const told = await untilHeard(store, { made: () => id, isThere }).catch((error: unknown) => error);
  expect([store.mock.calls.length, isThere.mock.calls.length]).toEqual([stores.length, looks.length]);
  return told;
}

function answer(one: unknown): Promise<unknown> {
  return one instanceof Error ? Promise.reject(one) : Promise.resolve(one);
}

test("what has an answer is not looked for", async () => {
  expect(await outcome(["done"], [])).toBe("done");
  expect(await outcome([taken], [])).toBe(taken);
});

test("what is there was stored, and comes to what it would have", async () => {
  expect(await outcome([cut], [true])).toBe("first");
});

test("what is not there is done again", async () => {
  expect(await outcome([cut, "second"], [false])).toBe("second");
});

test("what arrived only while it was done again was stored", async () => {
  expect(await outcome([cut, taken], [false, true])).toBe("first");
  expect(await outcome([cut, cut], [false, true])).toBe("first");
});

test("where nobody knows, it failed as it did first", async () => {
  expect(await outcome([cut, taken], [false, false])).toBe(cut);
  expect(await outcome([cut, cut], [false, new Error("cut off")])).toBe(cut);
  expect(await outcome([cut], [new Error("cut off")])).toBe(cut);
});

test("what makes no job is neither looked for nor done again", async () => {
  const store = vi.fn<() => Promise<unknown>>().mockRejectedValue(cut);
  await expect(untilHeard(store, { made: () => undefined, isThere: () => Promise.reject(new Error("nothing to look for")) })).rejects.toBe(
    cut,
  );
  expect(store).toHaveBeenCalledOnce();
});
