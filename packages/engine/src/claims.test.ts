import { expect, test } from "vitest";
import { settled } from "./engine-fixture.ts";
import { endOf, gate, working } from "./worker-fixture.ts";

test.each([true, false])(
  "a worker with room asks for a job while that is submitted, where the store keeps calls in order: %s",
  async (inOrder) => {
    const asked: string[] = [];
    const { calls, handler, open } = gate();
    const fixture = await working(handler, {
      concurrency: 1,
      wrap: (store) => ({
        ...store,
        inOrder,
        jobs: {
          ...store.jobs,
          async commit(changes, now) {
            const isSubmit = changes.some(({ type }) => type === "submit");
            if (isSubmit) asked.push("submit");
            const committed = await store.jobs.commit(changes, now);
            // As from a disk, the answer comes in a later turn.
            await new Promise(setImmediate);
            if (isSubmit) asked.push("stored");
            return committed;
          },
          claim(request) {
            asked.push("claim");
            return store.jobs.claim(request);
          },
        },
      }),
    });
    await settled();
    asked.length = 0;
    const first = await fixture.submit();
    await expect.poll(() => calls.length).toBe(1);
    expect(asked.slice(0, 3)).toEqual(inOrder ? ["submit", "claim", "stored"] : ["submit", "stored", "claim"]);
    // Without room nobody is asked.
    asked.length = 0;
    const second = await fixture.submit();
    expect(asked).toEqual(["submit", "stored"]);
    open();
    await endOf(fixture, first);
    await expect.poll(() => calls.length).toBe(2);
    open();
    await endOf(fixture, second);
  },
);

test("the end of a handler asks for no other job where nothing was left", async () => {
  let claims = 0;
  const { calls, handler, open } = gate();
  const fixture = await working(handler, {
    concurrency: 2,
    wrap: (store) => ({
      ...store,
      jobs: {
        ...store.jobs,
        claim(request) {
          claims++;
          return store.jobs.claim(request);
        },
      },
    }),
  });
  const first = await fixture.submit();
  await expect.poll(() => calls.length).toBe(1);
  await settled();
  claims = 0;
  open();
  await endOf(fixture, first);
  await settled();
  expect(claims).toBe(0);
  const second = await fixture.submit();
  await expect.poll(() => calls.length).toBe(2);
  open();
  await endOf(fixture, second);
});
