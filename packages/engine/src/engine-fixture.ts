/** For tests: an engine on a clock that only moves when told, a store in memory, and an executor that does as it is told. */
import type { JobRecord, Result } from "@windlass/kernel";
import type { EndedFact, Executor, Found, LaunchRequest, Store } from "@windlass/ports";
import { openSqliteStore } from "@windlass/sqlite";
import { fakeClock, memoryLogs, quietLogger, seededRandom, settled, type FakeClock, type SeededRandom } from "@windlass/testkit";
import { engine, type Engine, type EngineOptions } from "./engine.ts";
import { NOTHING, type ChildSpec, type JobKind } from "./job-kind.ts";
import { localBus } from "./local-bus.ts";
import type { SubmitRequest } from "./submit.ts";

export interface EngineFixture {
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  readonly store: Store;
  readonly engine: Engine;
  readonly logs: ReturnType<typeof memoryLogs>;
  readonly lines: ReturnType<typeof quietLogger>["lines"];
  /** Submits a task for the handler `greet`, changed as given; returns its id. */
  readonly submit: (request?: Partial<SubmitRequest>) => Promise<string>;
  readonly stateOf: (id: string) => Promise<string>;
  /** Lets time pass until the job is in this state. */
  readonly reach: (id: string, state: string) => Promise<void>;
  /** Lets time pass until the promise has an answer. */
  readonly outcome: <T>(promise: Promise<T>) => Promise<T>;
  readonly close: () => Promise<void>;
}

const taskKind: JobKind = { kind: "task", validate: () => [] };
export const stepKind: JobKind = { kind: "step", validate: () => [] };

interface GroupSpec {
  readonly children?: readonly ChildSpec[];
  readonly fails?: string;
  /** What it says that it ended for. */
  readonly blames?: readonly string[];
  readonly waitMs?: number;
}

/** A composite: makes the children of its specification and ends when they have ended, or waits for a time. */
export const groupKind: JobKind = {
  kind: "workflow",
  validate: () => [],
  advance({ record, facts, cursor, now }) {
    const { children = [], fails, waitMs, blames } = record.spec as unknown as GroupSpec;
    if (fails !== undefined) throw new Error(fails);
    const ended = Number(cursor.get("ended") ?? 0) + facts.filter((fact) => fact.type === "child").length;
    const bad = facts.find((fact) => fact.type === "child" && fact.outcome !== "succeeded");
    const started = facts.some((fact) => fact.type === "started");
    const over = ended === children.length && (waitMs === undefined || facts.some((fact) => fact.type === "time"));
    const result: Result =
      bad === undefined
        ? { outcome: "succeeded", reason: "ok", message: null }
        : {
            outcome: "failed",
            reason: "step_failed",
            message: "a child failed",
            ...(blames === undefined ? {} : { evidence: { children: blames } }),
          };
    return {
      ...NOTHING,
      cursor: { ended },
      children: started ? children : [],
      waitUntil: started && waitMs !== undefined ? now + waitMs : null,
      finish: over ? result : null,
    };
  },
};

export async function engineFixture(
  given: Partial<EngineOptions> & { readonly wrap?: (store: Store) => Store } = {},
): Promise<EngineFixture> {
  const clock = fakeClock();
  const random = seededRandom(7);
  const logs = memoryLogs();
  const logger = quietLogger();
  const { wrap = (same) => same, ...options } = given;
  const store = await openSqliteStore({ path: ":memory:", clock });
  const made = engine({
    store: wrap(store),
    clock,
    random,
    bus: localBus(),
    logger,
    logs,
    sha256: (text) => `hash of ${text}`,
    kinds: [taskKind, stepKind, groupKind],
    executors: [],
    ...options,
  });
  const stateOf = async (id: string): Promise<string> => (await made.jobs.get(id)).state;
  const outcome = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false;
    const ended = promise.finally(() => {
      over = true;
    });
    ended.catch(() => {});
    for (let waited = 0; !over && waited < LIMIT_MS; waited += 50) await clock.advance(50);
    if (!over) throw new Error("there was no answer");
    return ended;
  };
  return {
    clock,
    random,
    store,
    engine: made,
    logs,
    lines: logger.lines,
    submit: async (request) =>
      (await made.jobs.submit({ kind: "task", name: "greet", spec: { handler: "greet" }, executor: "handler", ...request })).id,
    stateOf,
    reach: (id, state) => clock.until(async () => (await stateOf(id)) === state, LIMIT_MS),
    outcome,
    async close() {
      await outcome(made.stop());
      await store.close();
    },
  };
}

const LIMIT_MS = 200_000;

export interface FakeExecutor extends Executor {
  readonly launched: readonly string[];
  readonly stopped: readonly string[];
  readonly forgotten: readonly string[];
  running(): string[];
  /** What the next launches come to: an error to throw, or a refusal. Works when there is nothing left. */
  readonly plan: (Error | Result)[];
  /** Ends what runs under this name. */
  end(name: string, result?: Result, stopped?: boolean): void;
  /** It is gone, and nobody is told. */
  vanish(name: string): void;
  /** Lets launches wait until it is called. */
  hold(): () => void;
}

export const done: Result = { outcome: "succeeded", reason: "ok", message: null, exitCode: 0 };

export function fakeExecutor(given: { readonly runningMax?: number; readonly kept?: Map<string, LaunchRequest> } = {}): FakeExecutor {
  const kept = given.kept ?? new Map<string, LaunchRequest>();
  const [launched, stopped, forgotten]: [string[], string[], string[]] = [[], [], []];
  const plan: (Error | Result)[] = [];
  let tell: ((fact: EndedFact) => void) | null = null;
  let gate: Promise<void> = Promise.resolve();
  const foundOf = ({ name, jobId, attempt }: LaunchRequest): Found => ({ name, jobId, attempt, ref: `ref of ${name}`, state: "running" });
  const end = (name: string, result: Result = done, byStop = false): void => {
    const request = kept.get(name);
    if (request === undefined) return;
    kept.delete(name);
    tell?.({
      name,
      jobId: request.jobId,
      attempt: request.attempt,
      ref: `ref of ${name}`,
      result,
      stopped: byStop,
      startedAt: 0,
      endedAt: 0,
    });
  };
  return {
    name: "process",
    place: "host-1",
    runningMax: given.runningMax ?? 2,
    launched,
    stopped,
    forgotten,
    plan,
    end,
    running: () => [...kept.keys()],
    vanish: (name) => void kept.delete(name),
    hold() {
      let open = (): void => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    async start(onEnded) {
      tell = onEnded;
    },
    async launch(request) {
      await gate;
      const next = plan.shift();
      if (next instanceof Error) throw next;
      if (next !== undefined) return { refused: next };
      if (kept.has(request.name)) return { ref: `ref of ${request.name}` };
      launched.push(request.name);
      kept.set(request.name, request);
      return { ref: `ref of ${request.name}` };
    },
    async find(name) {
      const request = kept.get(name);
      return request === undefined ? null : foundOf(request);
    },
    async stop(name) {
      stopped.push(name);
      end(name, { outcome: "failed", reason: "signal", message: null, signal: "SIGTERM" }, true);
    },
    list: async () => [...kept.values()].map(foundOf),
    async forget(name) {
      forgotten.push(name);
    },
    async close() {
      tell = null;
    },
  };
}

/** A task for the process executor. */
export const command: Partial<SubmitRequest> = { executor: "process", name: "build", spec: { command: ["true"] } };

/** A composite with these children. */
export function group(
  children: readonly ChildSpec[],
  more: Partial<SubmitRequest> & Pick<GroupSpec, "fails" | "waitMs" | "blames"> = {},
): Partial<SubmitRequest> {
  const { fails, waitMs, blames, ...request } = more;
  const spec = {
    children,
    ...(fails === undefined ? {} : { fails }),
    ...(waitMs === undefined ? {} : { waitMs }),
    ...(blames === undefined ? {} : { blames }),
  } as unknown as JobRecord["spec"];
  return { kind: "workflow", name: "nightly", executor: "none", spec, ...request };
}

/** A child of a group that a handler carries out. */
export function handled(key: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return { key, kind: "step", name: key, spec: { handler: key }, executor: "handler", ...more };
}

export { settled };
