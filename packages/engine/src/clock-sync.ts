/** Follows the store's clock, for a program that has no reconciler: without it a clock that is set while the program runs stays wrong. */
import { seconds } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import { loop, type Loop } from "./service.ts";

/** As often as the reconciler does. */
const REST_MS: number = seconds(1);

export function clockSync(context: EngineContext): Loop {
  return loop({
    name: "clock",
    clock: context.clock,
    random: context.random,
    logger: context.logger,
    restMs: REST_MS,
    pass: async () => {
      await context.syncClock();
      return false;
    },
  });
}
