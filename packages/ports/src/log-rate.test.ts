import fc from "fast-check";
import { expect, test } from "vitest";
import { logGapMark, logRate } from "./log-rate.ts";

test("what comes too fast is left out, the next second goes on, and the gap is told once", () => {
  const rate = logRate(100);
  expect(rate.admit(80, 0)).toEqual({ keep: 80, gap: 0 });
  expect(rate.admit(80, 10)).toEqual({ keep: 20, gap: 0 });
  expect(rate.admit(50, 900)).toEqual({ keep: 0, gap: 0 });
  expect(rate.openGap()).toBe(110);
  expect(rate.admit(10, 1_000)).toEqual({ keep: 10, gap: 110 });
  expect(rate.admit(10, 1_001)).toEqual({ keep: 10, gap: 0 });
  expect([rate.openGap(), rate.droppedBytes]).toEqual([0, 110]);
  expect(logGapMark(110, 100)).toBe("\n[windlass: 110 left out here: it printed more than 100 a second, log.bytesPerSecondMax]\n");
});

test("no second keeps more than the limit, every byte is kept or told, and without a limit all is kept", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.nat(700))), fc.constantFrom(0, 100), (writes, limit) => {
      const rate = logRate(limit);
      let [now, kept, told, came, windowFrom, inWindow] = [0, 0, 0, 0, -Infinity, 0];
      for (const [bytes, later] of writes) {
        now += later;
        const { keep, gap } = rate.admit(bytes, now);
        if (now - windowFrom >= 1_000) [windowFrom, inWindow] = [now, 0];
        inWindow += keep;
        if (limit > 0) expect(inWindow).toBeLessThanOrEqual(limit);
        [kept, told, came] = [kept + keep, told + gap, came + bytes];
      }
      expect(kept + told + rate.openGap()).toBe(came);
    }),
  );
});
