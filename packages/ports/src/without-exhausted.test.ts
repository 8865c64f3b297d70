import { expect, test } from "vitest";
import type { ReceivedNotice } from "./notices.ts";
import { withoutExhausted } from "./without-exhausted.ts";

const received = (id: string, attempts: number): ReceivedNotice => ({
  id,
  body: "",
  attributes: {},
  attempts,
  firstAt: 0,
  redrives: 0,
  handle: id,
});

test("one that cannot be buried holds up neither the good ones nor the other letters", async () => {
  const buried: string[] = [];
  const all = [received("poison", 4), received("good", 3), received("dead", 9), received("better", 1)];
  const good = await withoutExhausted(all, 3, async ({ id, attempts }, { reason }) => {
    if (id === "poison") throw new Error("away");
    buried.push(`${id} ${attempts} ${reason}`);
  });
  expect(good.map(({ id }) => id)).toEqual(["good", "better"]);
  expect(buried).toEqual(["dead 3 attempts_exhausted"]);
});

test("what keeps it from that is told where it holds up nobody", async () => {
  const bury = () => Promise.reject(new Error("away"));
  await expect(withoutExhausted([received("poison", 4)], 3, bury)).rejects.toMatchObject({ code: "unavailable" });
});
