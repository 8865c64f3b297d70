/** A server with a real engine on a store in memory, and a client that calls it without a socket. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  engine,
  NOTHING,
  type Engine,
  type EngineOptions,
  type Handler,
  type JobKind,
  type SubmitRequest,
  type Worker,
} from "@windlass/engine";
import { fileLogStore } from "@windlass/files";
import { WindlassError, type Fault, type Json, type JsonObject } from "@windlass/kernel";
import type { Bus, Clock, Random, Topic } from "@windlass/ports";
import {
  dispatcher,
  fillInput,
  firesBetween,
  fireTimes,
  previewFires,
  readScheduleFields,
  readTiming,
  schedules,
  type Evaluating,
} from "@windlass/schedules";
import { client, type Client } from "@windlass/sdk";
import { openSqliteStore } from "@windlass/sqlite";
import { quietLogger } from "@windlass/testkit/fakes";
import { createApp, type WindlassApp } from "./create-app.ts";
import { jobTemplates } from "./job-templates.ts";
import type { ScheduleLanguage, ServerParts, WorkflowLanguage } from "./server-parts.ts";

export const TOKEN = "a-token-for-tests-only";
export const BASE = "http://localhost";

export interface TestServer {
  readonly engine: Engine;
  readonly parts: ServerParts;
  readonly app: WindlassApp;
  readonly api: Client;
  readonly lines: ReturnType<typeof quietLogger>["lines"];
  /** Asks with the token, and with JSON where there is a body. */
  readonly ask: (
    method: string,
    path: string,
    more?: { readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> },
  ) => Promise<Response>;
  work(handlers: Readonly<Record<string, Handler>>, queue?: string): Promise<Worker>;
  close(): Promise<void>;
}

export const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

/** One by which nobody gets back what is limited by the second, however long a test takes. */
export const stillClock: Clock = { ...clock, monotonic: () => 0 };

const random: Random = { next: () => Math.random(), bytes: (count) => new Uint8Array(randomBytes(count)) };

export async function testServer(more: Partial<ServerParts> = {}, ports: Partial<EngineOptions> = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), "windlass-server-"));
  const store = await openSqliteStore({ path: ":memory:", clock });
  const logger = quietLogger();
  const made = engine({
    store,
    clock,
    random,
    logger,
    bus: testBus(),
    logs: fileLogStore({ folder, bytesMax: 104_857_600, clock }),
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    kinds: [taskKind, workflowKind],
    executors: [],
    services: (context, session) => [dispatcher({ ...evaluating(context), session })],
    ...ports,
  });
  await made.start();
  const parts: ServerParts = {
    engine: made,
    workflows: jsonWorkflows,
    schedules: { service: schedules(evaluating(made.context)), language: jsonSchedules },
    adminToken: TOKEN,
    version: "0.0.0-test",
    store: "sqlite",
    executors: ["handler"],
    ...more,
  };
  const app = createApp(parts);
  const workers: Worker[] = [];
  return {
    engine: made,
    parts,
    app,
    lines: logger.lines,
    api: client({ url: BASE, token: TOKEN, fetch: (url, init) => app.fetch(new Request(url, init)) }),
    ask: (method, path, { body, headers = {} } = {}) => {
      const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
      const type = body === undefined ? {} : { "content-type": "application/json" };
      return app.fetch(new Request(BASE + path, { method, ...sent, headers: { authorization: `Bearer ${TOKEN}`, ...type, ...headers } }));
    },
    async work(handlers, queue) {
      const worker = made.worker({ handlers, drainMs: 1_000, ...(queue === undefined ? {} : { queue }) });
      workers.push(worker);
      await worker.start();
      return worker;
    },
    async close() {
      await app.close();
      for (const worker of workers) await worker.stop();
      await made.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One attempt of a handler. */
const taskKind: JobKind = {
  kind: "task",
  validate: (spec) => (typeof spec["handler"] === "string" ? [] : [{ path: "spec.handler", message: "spec.handler is missing" }]),
};

/** All its steps at once; ends with the last of them. One with `shell`, or that calls one named so, says that it starts commands. */
const workflowKind: JobKind = {
  kind: "workflow",
  validate: () => [],
  definitions: ({ name, labels, spec }) => [
    ...(labels["windlass.dev/definition"] === undefined ? [] : [name]),
    ...Object.keys((spec["pinned"] ?? {}) as JsonObject).map((text) => text.replace(/@.*/u, "")),
  ],
  executors: ({ shell, pinned = {} }) =>
    shell === true || Object.keys(pinned as JsonObject).some((name) => name.startsWith("shell-")) ? ["process"] : ["handler"],
  advance({ record, cursor, facts }) {
    const steps = stepsOf(record.spec);
    const ended = new Set([...cursor.keys()]);
    const changes: Record<string, Json> = {};
    for (const fact of facts) {
      if (fact.type !== "child") continue;
      changes[fact.key] = fact.outcome;
      ended.add(fact.key);
    }
    const children = facts.some((fact) => fact.type === "started")
      ? steps.map((step) => ({ key: step, kind: "task", name: step, spec: { handler: step }, executor: "handler" }) as const)
      : [];
    const isOver = ended.size === steps.length && children.length === 0;
    return {
      ...NOTHING,
      cursor: changes,
      children,
      finish: isOver ? { outcome: "succeeded", reason: "ok", message: null, output: [...ended].toSorted() } : null,
    };
  },
};

function evaluating(context: Engine["context"]): Evaluating {
  const { definitions } = context.store;
  return { context, fire: fireTimes, templates: jobTemplates({ definitions, workflows: jsonWorkflows }) };
}

/** Files of schedules in JSON, without a head: the fields of a request. */
const jsonSchedules: ScheduleLanguage = {
  read(source) {
    try {
      return jsonSchedules.check(JSON.parse(source) as JsonObject);
    } catch {
      return { faults: [{ path: "", message: "not a schedule", line: 1, column: 2 }] };
    }
  },
  check(fields) {
    const read = readScheduleFields(fields);
    return "schedule" in read ? read.schedule : { faults: faultsAt(read.findings) };
  },
  timing(fields) {
    const read = readTiming(fields);
    return "timing" in read ? read.timing : { faults: faultsAt(read.faults) };
  },
  preview: previewFires,
  times: (timing, { from, to, limit }) => firesBetween(timing, { after: from - 1, until: to, limit }),
  input: (schedule, nominalAt) => fillInput(schedule, { nominalAt, dueAt: nominalAt }),
};

function faultsAt(findings: readonly { readonly path: readonly (string | number)[]; readonly message: string }[]): readonly Fault[] {
  return findings.map(({ path, message }) => ({ path: path.join("."), message }));
}

/** Workflow files whose language is JSON: `{"name": "hello", "steps": ["echo"], "calls": ["other@2"], "schedules": [{…}]}`. */
const jsonWorkflows: WorkflowLanguage = {
  read(source) {
    try {
      const definition = JSON.parse(source) as JsonObject;
      const name = nameOf(definition);
      const { schedules: written } = definition;
      if (written === undefined) return { name, labels: {}, definition, content: source };
      const read = (written as JsonObject[]).map((fields) => readScheduleFields(fields, { workflow: name }));
      const stored = read.flatMap((one) => ("schedule" in one ? [one.schedule] : []));
      return { name, labels: {}, definition, content: source, schedules: stored };
    } catch {
      return { faults: [{ path: "", message: "not a workflow", line: 1, column: 2 }] };
    }
  },
  execution({ definition, versionId, input, pinned }): SubmitRequest {
    if ((input as JsonObject)["wrong"] !== undefined)
      throw new WindlassError("invalid", "there is no input wrong", {
        faults: [{ path: "input.wrong", message: "there is no input wrong" }],
      });
    const versions = Object.fromEntries([...pinned].map(([name, { version }]) => [name, version]));
    const spec = pinned.size === 0 ? definition : { ...definition, pinned: versions };
    const labels = versionId === null ? {} : { labels: { "windlass.dev/definition": versionId } };
    return { kind: "workflow", name: nameOf(definition), spec, input, executor: "none", ...labels };
  },
  referencesOf: ({ calls }) => ((calls ?? []) as readonly string[]).map((name, index) => ({ name, path: `calls[${index}]` })),
};

function nameOf({ name }: JsonObject): string {
  return typeof name === "string" ? name : "nameless";
}

function stepsOf(spec: JsonObject): readonly string[] {
  return (spec["steps"] ?? []) as readonly string[];
}

function testBus(): Bus {
  const listeners = new Map<Topic, Set<(key: string) => void>>();
  return {
    publish: (topic, key) => listeners.get(topic)?.forEach((listener) => listener(key)),
    subscribe(topic, listener) {
      const all = listeners.get(topic) ?? new Set();
      listeners.set(topic, all.add(listener));
      return () => all.delete(listener);
    },
    close: async () => listeners.clear(),
  };
}
