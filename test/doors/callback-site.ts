/** For tests: executions whose steps a cluster carries out that nobody here hears of, and a server that can be restarted. */
import { NOTHING, type ChildSpec, type EngineOptions, type JobKind } from "@windlass/engine";
import { NO_RETRY, type Json, type JobView, type JsonObject, type RetryPolicy } from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { outsideCluster, type OutsideCluster } from "@windlass/testkit";
import { BASE, testServer, type TestServer } from "../../programs/server/src/server-fixture.ts";

export const INTERNAL_TOKEN = "an-internal-token-for-tests";

/** A step: a container, a handler, or a container for each of so many items. */
interface StepOf {
  readonly name: string;
  readonly items?: number;
  readonly executor?: "kubernetes" | "handler";
  readonly retry?: RetryPolicy;
  readonly env?: JsonObject;
}

const execution: JobKind = {
  kind: "workflow",
  validate: () => [],
  advance({ record, cursor, facts }) {
    const steps = record.spec["steps"] as unknown as readonly StepOf[];
    const started = facts.some(({ type }) => type === "started");
    const changes: Record<string, Json> = {};
    for (const fact of facts) if (fact.type === "child") changes[fact.key] = fact.outcome;
    const ended = new Set([...cursor.keys(), ...Object.keys(changes)]).size;
    const failed = [...cursor.values(), ...Object.values(changes)].find((outcome) => outcome !== "succeeded");
    return {
      ...NOTHING,
      cursor: changes,
      children: started ? steps.map(childOf) : [],
      finish:
        ended === steps.length && !(started && steps.length > 0)
          ? { outcome: failed === undefined ? "succeeded" : "failed", reason: failed === undefined ? "ok" : "step_failed", message: null }
          : null,
    };
  },
};

function childOf({ name, items, executor = "kubernetes", retry = NO_RETRY, env }: StepOf): ChildSpec {
  if (items !== undefined) return { key: name, kind: "step", name, spec: { loop: name, steps: items }, executor: "none" };
  return { key: name, kind: "step", name, spec: { image: "none", handler: name, ...(env === undefined ? {} : { env }) }, executor, retry };
}

const step: JobKind = {
  kind: "step",
  validate: () => [],
  itemKey: ({ spec }, index) => (typeof spec["loop"] === "string" ? `${spec["loop"]}[${index}]` : null),
  advance({ record: { spec }, cursor, facts }) {
    const count = Number(spec["steps"]);
    const started = facts.some(({ type }) => type === "started");
    const changes = Object.fromEntries(facts.flatMap((fact) => (fact.type === "child" ? [[fact.key, fact.outcome as Json]] : [])));
    const ended = new Set([...cursor.keys(), ...Object.keys(changes)]).size;
    return {
      ...NOTHING,
      cursor: changes,
      children: started ? Array.from({ length: count }, (_, index) => childOf({ name: `${spec["loop"] as string}[${index}]` })) : [],
      finish: ended === count ? { outcome: "succeeded", reason: "ok", message: null } : null,
    };
  },
};

export interface CallbackSite {
  readonly cluster: OutsideCluster;
  readonly server: TestServer;
  /** Another server on the same store, in the place of the one before. */
  restart(): Promise<void>;
  /** Starts an execution; resolves once all its containers are there. */
  run(...steps: readonly StepOf[]): Promise<string>;
  /** The name of the container of a step (or of an item), once it is there and that is recorded. */
  container(executionId: string, step: string, attempt?: number): Promise<string>;
  /** Resolves with the job once it has ended. */
  ended(id: string): Promise<JobView>;
  /** Posts to the internal routes; the token is the right one unless another is given (null: none). */
  post(path: string, body: unknown, token?: string | null): Promise<{ readonly status: number; readonly body: JsonObject }>;
  close(): Promise<void>;
}

export async function callbackSite(
  open: () => Promise<Store>,
  more: { readonly internalToken?: string; readonly ports?: Partial<EngineOptions> } = {},
): Promise<CallbackSite> {
  const cluster = outsideCluster();
  let store = await open();
  const { ports = {}, ...parts } = more;
  const start = (): Promise<TestServer> =>
    testServer({ internalToken: INTERNAL_TOKEN, ...parts }, { store, kinds: [execution, step], executors: [cluster.executor()], ...ports });
  let server = await start();
  const site: CallbackSite = {
    cluster,
    get server() {
      return server;
    },
    async restart() {
      await server.close();
      await store.close();
      store = await open();
      server = await start();
    },
    async run(...steps) {
      const spec = { steps } as unknown as JsonObject;
      const { id } = await server.engine.jobs.submit({ kind: "workflow", name: "flow", spec, executor: "none" });
      for (const { name, items } of steps.filter(({ executor }) => executor !== "handler"))
        for (let index = 0; index < (items ?? 1); index++) await site.container(id, items === undefined ? name : `${name}[${index}]`);
      return id;
    },
    container: (executionId, name, attempt = 1) =>
      cluster.appeared(
        (request) =>
          request.environment["WINDLASS_ROOT_JOB"] === executionId &&
          request.environment["WINDLASS_JOB_NAME"] === name &&
          request.attempt === attempt,
      ),
    ended: (id) => server.engine.jobs.wait(id, 60_000),
    async post(path, body, token = INTERNAL_TOKEN) {
      const answer = await server.app.fetch(
        new Request(BASE + path, {
          method: "POST",
          headers: token === null ? {} : { authorization: `Bearer ${token}` },
          body: typeof body === "string" ? body : JSON.stringify(body),
        }),
      );
      return { status: answer.status, body: (await answer.json()) as JsonObject };
    },
    async close() {
      await server.close();
      await store.close();
    },
  };
  return site;
}
