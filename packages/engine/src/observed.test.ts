import { expect, test } from "vitest";
import { engineFixture } from "./engine-fixture.ts";
import { figures } from "./figures.ts";
import { OBSERVED, observed } from "./observed.ts";

test("every part of a store is observed but heartbeats, with all its methods, and answers as before", async () => {
  const { store, clock, close } = await engineFixture();
  const counted = figures();
  const watched = observed(store, { clock, figures: counted, tracing: null });
  const parts = Object.entries(store).flatMap(([name, part]) => (typeof part === "object" && name !== "heartbeats" ? [name] : []));
  expect(OBSERVED.toSorted()).toEqual(parts.toSorted());
  for (const part of OBSERVED) {
    expect(Object.keys(watched[part])).toEqual(Object.keys(store[part]));
    for (const method of Object.keys(store[part])) expect(counted.calls.has(`${part}.${method}`)).toBe(true);
  }
  expect(await watched.tokens.byHash("none")).toBeNull();
  expect(counted.calls.get("tokens.byHash")?.counts.reduce((sum, count) => sum + count)).toBe(1);
  expect(watched.heartbeats).toBe(store.heartbeats);
  await close();
});
