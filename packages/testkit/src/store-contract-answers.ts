/** Contract: answers under idempotency keys. */
import { expect, test } from "vitest";
import type { Answer } from "@windlass/ports";
import { T0 } from "./factories.ts";
import type { Subject } from "./store-subject.ts";

const asked: Answer = {
  workspace: "default",
  principal: "tok_1",
  operation: "queues.put",
  key: "k",
  requestHash: "h1",
  holder: "req_1",
  status: null,
  body: null,
  expiresAt: T0 + 10,
};
const second: Answer = { ...asked, holder: "req_2", requestHash: "h2" };

export function describeAnswers(subject: Subject): void {
  test("a key is taken by one, and shown to all others with what was kept under it", async () => {
    const { answers } = subject.store;
    const together = await Promise.all(["a", "b", "c"].map((holder) => answers.take({ ...asked, holder }, T0)));
    expect(new Set(together.map(({ holder }) => holder)).size).toBe(1);
    const kept = { ...asked, holder: together[0]?.holder ?? "", status: 200, body: '{"é":1}', expiresAt: T0 + 1_000 };
    expect(await answers.keep({ ...kept, holder: "another" })).toBe(false);
    expect(await answers.keep(kept)).toBe(true);
    expect(await answers.take(second, T0 + 999)).toEqual(kept);
  });

  test("keys differ by workspace, caller and operation", async () => {
    const { answers } = subject.store;
    await answers.take(asked, T0);
    for (const other of [{ workspace: "acme" }, { principal: "tok_2" }, { operation: "jobs.cancel" }, { key: "K" }])
      expect(await answers.take({ ...second, ...other }, T0)).toMatchObject({ holder: "req_2", requestHash: "h2" });
  });

  test("a key that was given back, or whose time is over, is free; its former holder keeps nothing under it any more", async () => {
    const { answers } = subject.store;
    await answers.take(asked, T0);
    await answers.release(asked, "another");
    expect(await answers.take(second, T0)).toMatchObject({ holder: "req_1" });
    await answers.release(asked, "req_1");
    expect(await answers.take(second, T0)).toMatchObject({ holder: "req_2" });
    expect(await answers.take({ ...asked, holder: "req_3" }, T0 + 10)).toMatchObject({ holder: "req_3" });
    expect(await answers.keep({ ...second, status: 200, body: "{}" })).toBe(false);
  });

  test("what is over is removed, a few at a time", async () => {
    const { answers } = subject.store;
    for (let n = 0; n < 5; n++) await answers.take({ ...asked, key: `k${n}`, expiresAt: T0 + n }, T0 - 1);
    expect(await answers.prune(T0 + 2, 2)).toBe(2);
    expect(await answers.prune(T0 + 2, 2)).toBe(1);
    expect(await answers.prune(T0 + 2, 2)).toBe(0);
    expect(await answers.take({ ...second, key: "k4" }, T0)).toMatchObject({ holder: "req_1" });
  });
}
