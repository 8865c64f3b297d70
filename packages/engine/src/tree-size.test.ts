import { expect, test } from "vitest";
import { treeSizes } from "./tree-size.ts";

test("a tree is counted once, then what is added is added up, and counted again after a tenth", async () => {
  const counted: string[] = [];
  let stored = 40;
  const sizes = treeSizes(async (rootId) => {
    counted.push(rootId);
    return stored;
  }, 100);
  await sizes.add("a", 4);
  await sizes.add("a", 5);
  expect(counted).toEqual(["a"]);
  stored = 95;
  await sizes.add("a", 2);
  expect(counted).toEqual(["a", "a"]);
  await sizes.add("b", 1);
  expect(counted).toEqual(["a", "a", "b"]);
});

test("what would make it larger than it may be is refused, and counted anew the next time", async () => {
  let stored = 99;
  const sizes = treeSizes(async () => stored, 100);
  await expect(sizes.add("a", 2)).rejects.toMatchObject({
    code: "too_many_jobs",
    message: expect.stringContaining("more than 100 jobs") as string,
  });
  stored = 10;
  await sizes.add("a", 2);
});
