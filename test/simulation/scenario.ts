/** One run of the simulation: a busy minute with faults from one seed, then calm, in which everything must come to its end. */
import { DEFAULT_BACKOFF, type Json, type RetryPolicy } from "@windlass/kernel";
import type { SubmitRequest } from "@windlass/engine";
import { check, listenersAreComplete, newAccount, type Account } from "./invariants.ts";
import { CALM, type FaultRates } from "./faults.ts";
import { METERED, openWorld, QUEUES, SHARED, WORKER_SLOTS, type World } from "./world.ts";
import type { GraphNode } from "./graph-kind.ts";

const BUSY_STEPS = 60;
const STEP_MS_MAX = 700;
/** Fake time in which everything must have ended once nothing fails any more. */
const CALM_MS = 300_000;

export interface ScenarioFigures {
  readonly jobs: number;
  readonly handlerRuns: number;
  readonly launches: number;
  readonly kills: number;
}

export async function runScenario(seed: number): Promise<ScenarioFigures> {
  const world = await openWorld(seed);
  const account = newAccount();
  let kills = 0;
  try {
    world.setRates(ratesFor(world));
    world.boot(0);
    world.boot(1);
    for (let step = 0; step < BUSY_STEPS; step++) {
      kills += await disturb(world);
      await world.clock.advance(world.random.int(STEP_MS_MAX));
      await check(world, account);
    }
    await comeToRest(world, account);
    await slotsAreFree(world, account);
    const jobs = await check(world, account);
    return {
      jobs: jobs.length,
      handlerRuns: world.runs.length,
      launches: world.sites.reduce((sum, site) => sum + [...site.history.values()].flat().length, 0),
      kills,
    };
  } finally {
    await world.close();
  }
}

function ratesFor({ random }: World): FaultRates {
  return { failing: random.pick([0, 0.01, 0.05]), losing: random.pick([0, 0.03, 0.1]), delayMsMax: random.pick([0, 5, 40]) };
}

/** One thing that a user or the world does. Returns 1 when it killed a process. */
async function disturb(world: World): Promise<number> {
  const { random } = world;
  const index = random.int(2);
  const roll = random.next();
  if (roll < 0.44) await world.submit(randomJob(world));
  else if (roll < 0.45) await answerLate(world, index);
  else if (roll < 0.46) await submitBurst(world);
  else if (roll < 0.48) await submitMetered(world);
  else if (roll < 0.5) await moveSome(world);
  else if (roll < 0.58) await cancelSoon(world);
  else if (roll < 0.67) await cancelOne(world);
  else if (roll < 0.74) await completeOne(world);
  else if (roll < 0.79)
    await world.store.queues.put(
      random.pick(QUEUES),
      {
        paused: random.chance(0.5),
        by: "simulation",
        concurrencyLimit: random.pick([null, 1, 4]),
        keyConcurrencyLimit: random.pick([null, null, 1]),
        rateLimit: random.pick([null, null, { limit: 3, perSeconds: 1 }]),
      },
      world.clock.now(),
    );
  else if (roll < 0.8) await world.listen();
  else if (roll < 0.85) world.replace(index, 1_000 + random.int(10_000));
  else if (roll < 0.92) world.servers[index]?.process.freeze(2_000 + random.int(8_000));
  else if (world.servers[index] === null) world.boot(index);
  else if (roll < 0.96) {
    world.kill(index);
    return 1;
  }
  return 0;
}

function randomJob({ random, clock }: World): SubmitRequest {
  const roll = random.next();
  const retry: RetryPolicy = {
    limit: random.int(4),
    on: ["failed", "failed_node_lost", "failed_timeout"],
    backoff: { ...DEFAULT_BACKOFF, jitter: random.next() },
  };
  const common = {
    retry,
    priority: random.int(3),
    concurrency: random.chance(0.3) ? { key: random.pick(["a", "b"]), limit: 1 } : null,
    notBefore: random.chance(0.2) ? clock.now() + random.int(5_000) : null,
    startDeadline: random.chance(0.25) ? clock.now() + random.int(8_000) : null,
    timeoutMs: random.chance(0.3) ? 500 + random.int(4_000) : null,
  };
  if (roll < 0.45)
    return {
      ...common,
      kind: "task",
      name: "handled",
      executor: "handler",
      queue: random.pick([...QUEUES, ...QUEUES, METERED]),
      ...keyed(random.pick(["", "a", "b", "c"])),
      spec: { handler: "work" },
      input: handlerInput(random),
    };
  if (roll < 0.7) return { ...common, kind: "task", name: "launched", executor: "process", spec: processSpec(random) };
  return {
    ...common,
    retry: null,
    timeoutMs: random.chance(0.2) ? 2_000 + random.int(10_000) : null,
    kind: "workflow",
    name: "graph",
    executor: "none",
    spec: { nodes: randomGraph(random) as unknown as Json },
  };
}

const keyed = (fairnessKey: string) => (fairnessKey === "" ? {} : { fairnessKey });

const brief = (queue: string, fairnessKey: string, ms: number): SubmitRequest => ({
  kind: "task",
  name: "brief",
  executor: "handler",
  queue,
  ...keyed(fairnessKey),
  spec: { handler: "work" },
  input: { ms },
});

/** Many jobs of one tenant, and one of another behind them. */
async function submitBurst(world: World): Promise<void> {
  for (let i = 0; i < 30; i++) await world.submit(brief(SHARED, "a", 20 + world.random.int(100)));
  world.singles.push(await world.submit(brief(SHARED, "z", 10)));
}

/** Jobs that a process runs while it is frozen past its session: it answers for them once another has taken up their retry. */
async function answerLate(world: World, index: number): Promise<void> {
  for (let i = 0; i < 6; i++) await world.submit(brief("default", "", 4_000 + world.random.int(3_000)));
  world.clock.after(500, () => world.servers[index]?.process.freeze(5_000 + world.random.int(5_000)));
}

/** More than a rate lets start at once. */
async function submitMetered(world: World): Promise<void> {
  for (let i = 0; i < 8; i++) await world.submit(brief(METERED, world.random.pick(["", "a", "b"]), world.random.int(800)));
}

async function moveSome({ store, random, clock }: World): Promise<void> {
  const [from, to] = random.chance(0.5) ? QUEUES : QUEUES.toReversed();
  if (from === undefined || to === undefined) return;
  const waiting = await store.jobs.live({ queue: from, states: ["scheduled", "queued"] }, 5);
  await store.jobs.commit(
    waiting.map(({ id }) => ({ type: "move", id, from, to, by: "simulation" }) as const),
    clock.now(),
  );
}

type Random = World["random"];

const handlerInput = (random: Random): Json => ({
  ms: random.int(random.pick([500, 3_000, 9_000])),
  answers: Array.from({ length: 4 }, () => random.pick(["ok", "ok", "ok", "error", "retry", "fail", "parked"])),
  deaf: random.chance(0.1),
});
const processSpec = (random: Random) => ({
  ms: random.int(random.pick([1, 50, 6_000])),
  exitCodes: Array.from({ length: 4 }, () => random.pick([0, 0, 3])),
});

function randomGraph(random: Random): GraphNode[] {
  const keys = Array.from({ length: 1 + random.int(6) }, (_, i) => `n${i}`);
  return keys.map((key, i) => {
    const executor = random.pick(["handler", "handler", "process", "none"] as const);
    const spec = executor === "process" ? processSpec(random) : executor === "none" ? { ms: random.int(2_000) } : { handler: "work" };
    return { key, executor, spec, needs: keys.slice(0, i).filter(() => random.chance(0.4)) };
  });
}

/** An execution that keeps making children, and is cancelled while it does. */
async function cancelSoon(world: World): Promise<void> {
  const { store, random, clock } = world;
  const chain = Array.from({ length: 10 }, (_, i) => timerNode(`c${i}`, random.int(150), i === 0 ? [] : [`c${i - 1}`]));
  const nodes = [timerNode("long", 5_000, []), ...chain];
  const id = await world.submit({ kind: "workflow", name: "brief", executor: "none", spec: { nodes: nodes as unknown as Json } });
  clock.after(random.int(2_000), () => {
    void store.jobs.commit([stop(id, random.int(2_000))], clock.now());
  });
}

const timerNode = (key: string, ms: number, needs: readonly string[]): GraphNode => ({ key, needs, executor: "none", spec: { ms } });

const stop = (id: string, graceMs: number) =>
  ({ type: "stop", id, stopFor: "cancelled", reason: "cancel_requested", message: null, by: "simulation", graceMs }) as const;

async function cancelOne({ store, random, clock }: World): Promise<void> {
  const live = await store.jobs.live({}, 200);
  if (live.length === 0) return;
  await store.jobs.commit([stop(random.pick(live).id, random.int(2_000))], clock.now());
}

async function completeOne({ store, random, clock, tokens }: World): Promise<void> {
  if (tokens.length === 0) return;
  const token = random.pick(tokens);
  const [id = "", attempt = "0"] = token.split(".");
  const result = { outcome: "succeeded", reason: "ok", message: null, output: { jobId: id, attempt: Number(attempt) } } as const;
  await store.jobs.commit(
    [
      {
        type: "settle",
        id,
        attempt: Number(attempt),
        by: { type: "completion", tokenHash: `hash of ${token}` },
        result,
        stopped: false,
        random: 0,
      },
    ],
    clock.now(),
  );
}

const OPEN = { paused: false, by: "simulation", concurrencyLimit: null, keyConcurrencyLimit: null, rateLimit: null };

/** No more faults; both processes run; queues are open. Every job must end, and nothing may be left behind. */
async function comeToRest(world: World, account: Account): Promise<void> {
  world.setRates(CALM);
  world.killZombies();
  for (const queue of QUEUES) await world.store.queues.put(queue, OPEN, world.clock.now());
  const end = world.clock.now() + CALM_MS;
  for (;;) {
    for (const [index, server] of world.servers.entries()) if (server === null) world.boot(index);
    await world.clock.advance(2_000);
    const open = (await check(world, account)).filter((job) => job.final === null);
    const running = world.sites.flatMap((site) => site.running());
    if (open.length === 0 && running.length === 0) {
      // The last events are told a moment after they happened.
      await world.clock.advance(1_000);
      return listenersAreComplete(world, account);
    }
    if (world.clock.now() > end) {
      const stuck = open.map(
        ({ record, live }) =>
          `${record.id} ${record.kind}/${record.executor} ${live?.state} ${live?.phase ?? ""} holder=${live?.holder} session=${live?.session} attempt=${live?.attempt} wakes=${live?.wakes}/${live?.decided} children=${live?.openChildren}`,
      );
      throw new Error(
        `seed ${world.seed}: stuck after ${CALM_MS} ms of calm: ${[...stuck, ...running.map((name) => `${name} still runs outside`)].slice(0, 5).join("; ")}`,
      );
    }
  }
}

/** Every slot and every key can be used again: as many jobs at once as there are slots, each of which waits for all. */
async function slotsAreFree(world: World, account: Account): Promise<void> {
  for (const key of ["default/a", "default/b"]) {
    const { holders } = await world.store.reads.keyHolders(key);
    if (holders.length > 0) throw new Error(`seed ${world.seed}: key ${key} is still held by ${holders.join(", ")}`);
  }
  const before = world.runs.length;
  const count = QUEUES.length * world.servers.length * WORKER_SLOTS;
  for (let i = 0; i < count; i++)
    await world.submit({
      kind: "task",
      name: "slot",
      executor: "handler",
      queue: QUEUES[i % QUEUES.length] ?? "default",
      spec: { handler: "work" },
      input: { ms: 60_000 },
    });
  await world.clock.advance(20_000);
  const running = world.runs.slice(before).filter((run) => run.answer === null).length;
  if (running !== count) throw new Error(`seed ${world.seed}: ${running} of ${count} slots can be used`);
  await world.clock.advance(70_000);
  await check(world, account);
}
