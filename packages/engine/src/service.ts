/** Services of several parts, and loops: passes, rests, passes. What a service promises (V1, V2) is in the kernel. */
import type { Clock, Logger, Random } from "@windlass/ports";
import type { Pace } from "./pace.ts";
import { backoffDelay, messageOf, ms, seconds, serviceOf, type Backoff, type Service } from "@windlass/kernel";

export { serviceOf, type Service };

/** Starts in order, stops in reverse; a failing start stops what was started. One that cannot be stopped keeps no other from it. */
export function together(name: string, services: readonly Service[]): Service {
  return serviceOf(name, async () => {
    const started: Service[] = [];
    const stopAll = async (): Promise<void> => {
      const failures: unknown[] = [];
      for (const service of started.toReversed()) await service.stop().catch((error: unknown) => failures.push(error));
      if (failures.length > 0) throw new AggregateError(failures, `${name} stopped with trouble: ${failures.map(messageOf).join("; ")}`);
    };
    try {
      for (const service of services) {
        started.push(service);
        await service.start();
      }
    } catch (error) {
      await stopAll();
      throw error;
    }
    return stopAll;
  });
}

export interface LoopOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** How long to rest when nothing was found to do; `wake` ends the rest. */
  readonly restMs: number | (() => number);
  /** One pass; true when there is likely more to do at once. */
  readonly pass: () => Promise<boolean>;
  /** Stops listening to what wakes the loop; called by stop. */
  readonly subscribe?: (wake: () => void) => () => void;
  /** For one whose rests it has a say in. */
  readonly pace?: Pace;
}

export interface Loop extends Service {
  wake(): void;
}

/** A loop that always finds more to do, and waits for nothing, lets others have their turn after so many passes. */
const PASSES_PER_TURN = 64;
/** From so many on it looks whether they have it anyway: to be sent away between two calls of a store delays what is waited for. */
const PASSES_UNSEEN = 32;

const ERROR_BACKOFF: Backoff = { initial: ms(100), factor: 2, max: seconds(10), jitter: 0.3 };

/**
 * Passes, rests, passes. A pass that throws is logged and tried again with growing rests. A wake during a pass makes
 * another pass follow, so that no wake is lost between looking and resting.
 */
export function loop(options: LoopOptions): Loop {
  const { clock, logger } = options;
  let running = false;
  let woken = false;
  let endRest: (() => void) | null = null;
  const wake = (): void => {
    woken = true;
    endRest?.();
  };
  const rest = (delayMs: number): Promise<void> =>
    new Promise((resolve) => {
      const cancel = clock.after(delayMs, () => endRest?.());
      endRest = () => {
        endRest = null;
        cancel();
        resolve();
      };
    });
  let cancelLook = (): void => {};
  const run = async (): Promise<void> => {
    let failures = 0;
    // Since others had their turn, as far as it was looked at.
    let passes = 0;
    while (running) {
      if (++passes === PASSES_UNSEEN) cancelLook = clock.after(0, () => void (passes = 0));
      woken = false;
      let more = false;
      try {
        more = await options.pass();
        failures = 0;
      } catch (error) {
        failures++;
        logger.error(`${options.name} failed and will be tried again`, { error: messageOf(error), failures });
      }
      if (!running) return;
      if (failures > 0) await rest(backoffDelay(ERROR_BACKOFF, failures, options.random.next()));
      else if (passes >= PASSES_PER_TURN) await rest(0);
      else if (!more && !woken) await rest(typeof options.restMs === "number" ? options.restMs : options.restMs());
    }
  };
  const service = serviceOf(options.name, async () => {
    running = true;
    const unsubscribe = options.subscribe?.(wake);
    const unfollow = options.pace?.follow(wake);
    const done = run();
    return async () => {
      running = false;
      unsubscribe?.();
      unfollow?.();
      cancelLook();
      endRest?.();
      await done;
    };
  });
  return { ...service, wake };
}
