/** Answers and results that a store cannot keep: one handler's must not stand in the way of the others. */
import type { Store } from "@windlass/ports";
import { describe, expect, test } from "vitest";
import { deferFor, failForGood, retryAfter, type HandlerContext } from "@windlass/kernel";
import { working } from "./worker-fixture.ts";

describe("an answer that no store could keep as it is", () => {
  test.each([
    ["a delay with a fraction", () => retryAfter(0.5, null)],
    ["a time that is put off by a fraction", ({ attempt, jobId }: HandlerContext) => (once(jobId, attempt) ? deferFor(100.5) : null)],
    ["an error as the message", () => failForGood(new Error("no") as unknown as string)],
  ] as const)("%s: the job goes on, and so do the others", async (_, answer) => {
    const fixture = await working((context) => (context.input === "odd" ? answer(context) : "fine"), { concurrency: 1 });
    const odd = await fixture.submit({ input: "odd" });
    const other = await fixture.submit();
    await fixture.reach(other, "succeeded");
    await fixture.clock.until(async () => (await fixture.engine.jobs.get(odd)).final !== null, 200_000);
    expect(await fixture.stateOf(other)).toBe("succeeded");
  });

  const seen = new Set<string>();
  const once = (id: string, attempt: number): boolean => !seen.has(`${id} ${attempt}`) && seen.add(`${id} ${attempt}`) !== undefined;

  test("a result that the store fails on keeps no other from being stored", async () => {
    let poison = "";
    const failing = (store: Store): Store => ({
      ...store,
      jobs: {
        ...store.jobs,
        commit: (changes, now) =>
          changes.some((change) => change.type === "settle" && change.id === poison)
            ? Promise.reject(new Error("cannot store REAL value"))
            : store.jobs.commit(changes, now),
      },
    });
    const fixture = await working(() => "fine", { wrap: failing });
    poison = await fixture.submit();
    const others = await Promise.all(Array.from({ length: 5 }, () => fixture.submit()));
    for (const id of others) await fixture.reach(id, "succeeded");
    expect(await fixture.stateOf(poison)).toBe("running");
    poison = "";
  });
});
