/**
 * One simulated process: its own view of the clock and the store, which can be cut off (kill -9), frozen (SIGSTOP), and
 * made to fail and to lose replies. A call that reached the store has its effect whatever the process hears of it.
 */
import { WindlassError } from "@windlass/kernel";
import type { Clock, Store } from "@windlass/ports";
import { clockHeartbeats, type FakeClock, type SeededRandom } from "@windlass/testkit/fakes";

export interface FaultRates {
  /** Part of the calls that fail before they have an effect. */
  readonly failing: number;
  /** Part of the calls whose effect happens and whose reply is lost. */
  readonly losing: number;
  readonly delayMsMax: number;
}

export const CALM: FaultRates = { failing: 0, losing: 0, delayMsMax: 0 };

export interface SimulatedProcess {
  readonly clock: Clock;
  readonly store: Store;
  kill(): void;
  /** Nothing of it runs for `ms`. */
  freeze(ms: number): void;
  readonly alive: boolean;
}

export function simulatedProcess(parts: {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly rates: () => FaultRates;
}): SimulatedProcess {
  const { clock, random } = parts;
  let dead = false;
  let thawAt = 0;
  /** Runs `callback` once the process is not frozen; never, once it is dead. */
  const whenAwake = (callback: () => void): void => {
    if (dead) return;
    if (clock.now() < thawAt) clock.after(thawAt - clock.now(), () => whenAwake(callback));
    else callback();
  };
  const ownClock: Clock = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => {
      let cancelled = false;
      const cancel = clock.after(delayMs, () => whenAwake(() => !cancelled && callback()));
      return () => {
        cancelled = true;
        cancel();
      };
    },
  };
  const pause = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
  const awake = (): Promise<void> => new Promise((resolve) => whenAwake(resolve));
  const faulty = async <T>(call: () => Promise<T>): Promise<T> => {
    const { failing, losing, delayMsMax } = parts.rates();
    await awake();
    if (delayMsMax > 0) await pause(random.int(delayMsMax));
    await awake();
    if (random.chance(failing)) throw new WindlassError("unavailable", "simulated: the store did not answer");
    const result = await call();
    if (delayMsMax > 0) await pause(random.int(delayMsMax));
    await awake();
    if (random.chance(losing)) throw new WindlassError("unavailable", "simulated: the reply was lost");
    return result;
  };
  return {
    clock: ownClock,
    store: faultyStore(parts.store, faulty, ownClock),
    kill: () => {
      dead = true;
    },
    freeze: (ms) => {
      thawAt = clock.now() + ms;
    },
    get alive() {
      return !dead;
    },
  };
}

type Faulty = <T>(call: () => Promise<T>) => Promise<T>;

function faultyStore(store: Store, faulty: Faulty, clock: Clock): Store {
  const sessions = wrapped(store.sessions, faulty);
  return {
    jobs: wrapped(store.jobs, faulty),
    reads: wrapped(store.reads, faulty),
    queues: wrapped(store.queues, faulty),
    deadLetters: wrapped(store.deadLetters, faulty),
    sessions,
    definitions: wrapped(store.definitions, faulty),
    retention: wrapped(store.retention, faulty),
    places: wrapped(store.places, faulty),
    workspaces: wrapped(store.workspaces, faulty),
    roles: wrapped(store.roles, faulty),
    tokens: wrapped(store.tokens, faulty),
    audit: wrapped(store.audit, faulty),
    secrets: wrapped(store.secrets, faulty),
    answers: wrapped(store.answers, faulty),
    feedPlaces: wrapped(store.feedPlaces, faulty),
    webhooks: wrapped(store.webhooks, faulty),
    schedules: wrapped(store.schedules, faulty),
    heartbeats: clockHeartbeats(clock, sessions),
    inOrder: store.inOrder,
    timeOffset: () => faulty(() => store.timeOffset()),
    ping: () => faulty(() => store.ping()),
    close: async () => {},
  };
}

/** Each method of `port`, through `faulty`. */
function wrapped<T extends object>(port: T, faulty: Faulty): T {
  return new Proxy(port, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      return (...args: unknown[]) => faulty(() => Reflect.apply(method, target, args) as Promise<unknown>);
    },
  });
}
