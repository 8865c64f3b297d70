import { fakeClock, quietLogger, seededRandom, serviceStress, settled, type FakeClock } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { engineFixture, fakeExecutor } from "./engine-fixture.ts";
import { feed } from "./feed.ts";
import { launcher } from "./launcher.ts";
import { reconciler } from "./reconciler.ts";
import { retention } from "./retention.ts";
import { loop, serviceOf, together, type LoopOptions, type Service } from "./service.ts";
import { timers } from "./timers.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];
const pause = (clock: FakeClock, ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

/** A service that notes how many of it are open, and takes a while for both. */
function slowService(clock: FakeClock, open: { count: number }): Service {
  return serviceOf("slow", async () => {
    await pause(clock, 30);
    open.count++;
    return async () => {
      await pause(clock, 20);
      open.count--;
    };
  });
}

function passes(clock: FakeClock, given: Partial<LoopOptions> = {}) {
  const seen: number[] = [];
  const logger = quietLogger();
  const service = loop({
    name: "passes",
    clock,
    random: seededRandom(1),
    logger,
    restMs: 1_000,
    pass: async () => {
      seen.push(clock.monotonic());
      return false;
    },
    ...given,
  });
  return { service, seen, lines: logger.lines };
}

describe("a service", () => {
  test.each(SEEDS)("that is started and stopped at random is open once or not at all (seed %i)", async (seed) => {
    const clock = fakeClock();
    const open = { count: 0 };
    await serviceStress(slowService(clock, open), { clock, random: seededRandom(seed), steps: 120 });
    expect(open.count).toBe(0);
  });

  test("that runs is stopped by a stop in the same turn as another start", async () => {
    const open = { count: 0 };
    const service = serviceOf("quick", async () => {
      open.count++;
      return async () => void open.count--;
    });
    await service.start();
    void service.start();
    await service.stop();
    expect(open.count).toBe(0);
  });

  test("that is started again while it stops is open once when both have resolved", async () => {
    const clock = fakeClock();
    const open = { count: 0 };
    const service = slowService(clock, open);
    const asked = [service.start(), service.stop(), service.start()];
    await clock.advance(500);
    await Promise.all(asked);
    expect(open.count).toBe(1);
  });

  test("that could not be started says so, and can be started again", async () => {
    let broken = true;
    const service = serviceOf("fragile", async () => {
      if (broken) throw new Error("no disk");
      return async () => {};
    });
    const starting = service.start();
    const stopping = service.stop();
    await expect(starting).rejects.toThrow("no disk");
    await expect(stopping).resolves.toBeUndefined();
    broken = false;
    await service.start();
    await service.stop();
  });
});

describe("services together", () => {
  const named = (name: string, calls: string[], fails = false): Service => ({
    name,
    async start() {
      calls.push(`start ${name}`);
      if (fails) throw new Error(`${name} is broken`);
    },
    stop: async () => void calls.push(`stop ${name}`),
  });

  test("start in order and stop in reverse", async () => {
    const calls: string[] = [];
    const both = together("both", [named("a", calls), named("b", calls)]);
    await both.start();
    await both.stop();
    expect(calls).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test("leave nothing running when one of them cannot start", async () => {
    const calls: string[] = [];
    await expect(together("both", [named("a", calls), named("b", calls, true), named("c", calls)]).start()).rejects.toThrow("b is broken");
    expect(calls).toEqual(["start a", "start b", "stop b", "stop a"]);
  });

  test.each(SEEDS)("survive any order of starts and stops (seed %i)", async (seed) => {
    const clock = fakeClock();
    const open = [{ count: 0 }, { count: 0 }];
    const both = together(
      "both",
      open.map((one) => slowService(clock, one)),
    );
    await serviceStress(both, { clock, random: seededRandom(seed) });
    expect(open.map(({ count }) => count)).toEqual([0, 0]);
  });
});

describe("a loop", () => {
  test("passes, rests, and passes again; a wake ends the rest", async () => {
    const clock = fakeClock();
    const { service, seen } = passes(clock);
    await service.start();
    await clock.advance(2_500);
    service.wake();
    await settled();
    expect(seen).toEqual([0, 1_000, 2_000, 2_500]);
    await service.stop();
    await clock.advance(10_000);
    expect(seen).toHaveLength(4);
  });

  test("passes again at once after a wake that came during a pass, so that none is lost", async () => {
    const clock = fakeClock();
    let count = 0;
    const { service } = passes(clock, {
      pass: async () => {
        if (++count === 1) service.wake();
        return false;
      },
    });
    await service.start();
    await settled();
    expect(count).toBe(2);
    await service.stop();
  });

  test("that fails is tried again with growing rests, and says each time that it failed", async () => {
    const clock = fakeClock();
    const at: number[] = [];
    const { service, lines } = passes(clock, {
      pass: async () => {
        at.push(clock.monotonic());
        throw new Error("no store");
      },
    });
    await service.start();
    await clock.advance(5_000);
    const rests = at.slice(1).map((time, i) => time - (at[i] ?? 0));
    expect(rests.length).toBeGreaterThan(3);
    rests.slice(1).forEach((rest, i) => expect(rest).toBeGreaterThan(rests[i] ?? 0));
    expect(lines.filter((line) => line.level === "error")).toHaveLength(at.length);
    await service.stop();
    expect(clock.pending).toBe(0);
  });

  test("that finds more to do for long, and waits for nothing, lets others have their turn", async () => {
    const clock = fakeClock();
    let count = 0;
    const { service } = passes(clock, { pass: async () => ++count < 1_000 });
    await service.start();
    await settled();
    const inOneTurn = count;
    await settled();
    expect(count).toBe(inOneTurn);
    await clock.advance(0);
    expect([inOneTurn < 100, count]).toEqual([true, 1_000]);
    await service.stop();
    expect(clock.pending).toBe(0);
  });

  test("that waits for others in its passes is not sent away between two of them", async () => {
    const clock = fakeClock();
    let count = 0;
    let answer = Promise.withResolvers<boolean>();
    const { service } = passes(clock, { pass: () => (count++, (answer = Promise.withResolvers()).promise) });
    await service.start();
    for (let expected = 1; expected < 300; expected++) {
      await settled();
      expect(count).toBe(expected);
      await clock.advance(0);
      answer.resolve(true);
    }
    answer.resolve(true);
    await service.stop();
    expect(clock.pending).toBe(0);
  });

  test.each(SEEDS)("that is started and stopped at random never runs twice at once (seed %i)", async (seed) => {
    const clock = fakeClock();
    let [inside, most] = [0, 0];
    const { service } = passes(clock, {
      pass: async () => {
        most = Math.max(most, ++inside);
        await pause(clock, 40);
        inside--;
        return false;
      },
    });
    await serviceStress(service, { clock, random: seededRandom(seed) });
    expect([inside, most]).toEqual([0, 1]);
  });
});

describe("each service of the engine, started and stopped at random, leaves nothing running", () => {
  test.each(["engine", "worker", "launcher", "feed", "timers", "reconciler", "retention"])("%s", async (which) => {
    for (const seed of [1, 2, 3]) {
      const fixture = await engineFixture({ executors: which === "engine" ? [fakeExecutor()] : [] });
      const { context } = fixture.engine;
      const session = (): string => "ses_leader";
      const services: Record<string, () => Service> = {
        engine: () => fixture.engine,
        worker: () => fixture.engine.worker({ handlers: { greet: async () => pause(fixture.clock, 500) }, drainMs: 1_000 }),
        launcher: () => launcher(context, { executor: fakeExecutor() }),
        feed: () => feed(context),
        timers: () => timers(context),
        reconciler: () => reconciler(context, { session }),
        retention: () => retention(context, { session, days: 1 }),
      };
      for (let i = 0; i < 5; i++) await fixture.submit(which === "launcher" ? { executor: "process" } : {});
      await serviceStress((services[which] as () => Service)(), { clock: fixture.clock, random: seededRandom(seed), steps: 25 });
      expect(fixture.lines.filter((line) => line.level === "error")).toEqual([]);
      await fixture.close();
    }
  });

  test("a launcher or engine that cannot start keeps no session alive", async () => {
    const executor = { ...fakeExecutor(), start: () => Promise.reject(new Error("no supervisor")) };
    const fixture = await engineFixture({ executors: [executor] });
    await expect(fixture.engine.start()).rejects.toThrow("no supervisor");
    expect(fixture.clock.pending).toBe(0);
    await fixture.close();
  });
});
