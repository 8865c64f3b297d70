/**
 * Who may import whom: the table of ARCHITECTURE.md as data. A package that is not listed here fails the test, so a
 * new one gets its row before its first file.
 */
export interface Row {
  /** Packages of this repository, by folder. A type import counts like any other. */
  readonly packages: readonly string[];
  /** Packages from the registry. */
  readonly libraries: readonly string[];
  /** Built-in modules: all, or only these. */
  readonly builtins: "all" | readonly string[];
}

const kernel = "packages/kernel";
const ports = "packages/ports";
const contract = "packages/contract";
const engine = "packages/engine";

/** Drivers carry out what ports promise: the domain, the machine, and one library each. */
const driver = (...libraries: string[]): Row => ({ packages: [kernel, ports], libraries, builtins: "all" });

/** A store driver, on the schema and statements that both share. */
const storeDriver = (...libraries: string[]): Row => ({ packages: [kernel, ports, "drivers/sql"], libraries, builtins: "all" });

/** Modules meet in the job tree and in `JobKind`, never in each other. */
const module = (...libraries: string[]): Row => ({
  packages: [kernel, ports, contract, engine],
  libraries: ["zod", ...libraries],
  builtins: [],
});

export const IMPORT_TABLE: Readonly<Record<string, Row>> = {
  [kernel]: { packages: [], libraries: [], builtins: [] },
  [ports]: { packages: [kernel], libraries: [], builtins: [] },
  [contract]: { packages: [kernel], libraries: ["zod"], builtins: [] },
  [engine]: { packages: [kernel, ports], libraries: [], builtins: ["node:crypto"] },
  "packages/sdk": { packages: [kernel, contract], libraries: ["ws"], builtins: ["node:http", "node:https", "node:os"] },
  "packages/tools": { packages: [kernel, ports], libraries: [], builtins: "all" },
  "packages/testkit": {
    packages: [kernel, ports, engine],
    libraries: ["vitest", "fast-check", "@seriousme/openapi-schema-validator"],
    builtins: "all",
  },
  "modules/tasks": module(),
  "modules/schedules": module(),
  "modules/workflows": module("@bufbuild/cel", "yaml"),
  "drivers/files": driver(),
  "packages/opentelemetry": { packages: [kernel], libraries: ["@opentelemetry/api"], builtins: [] },
  "drivers/process": driver(),
  "drivers/docker": driver(),
  "drivers/kubernetes": driver("@kubernetes/client-node"),
  "drivers/nats": driver("@nats-io/jetstream", "@nats-io/transport-node"),
  "drivers/sqs": driver("@aws-sdk/client-sqs"),
  "drivers/sql": driver(),
  "drivers/sqlite": storeDriver(),
  "drivers/postgres": storeDriver("pg"),
  "programs/server": {
    packages: [kernel, ports, contract, engine],
    libraries: ["hono", "@hono/node-server", "pino", "prom-client", "ws", "zod"],
    builtins: "all",
  },
  // Knows the API's address and a token, and the cluster; never the engine or a store.
  "programs/k8s-watcher": {
    packages: [kernel, ports, contract, "packages/sdk", "drivers/kubernetes"],
    libraries: ["prom-client"],
    builtins: "all",
  },
  // Knows the API's address and a token, and starts what its steps are; never the engine or a store.
  "programs/runner": {
    packages: [kernel, ports, contract, "packages/sdk", "packages/tools", "drivers/process"],
    libraries: [],
    builtins: "all",
  },
  // The composition root: it alone chooses drivers. What it may load eagerly is in eager-imports.test.ts.
  "programs/cli": {
    packages: [
      kernel,
      ports,
      contract,
      engine,
      "packages/sdk",
      "modules/tasks",
      "modules/schedules",
      "modules/workflows",
      "drivers/files",
      "packages/opentelemetry",
      "packages/tools",
      "drivers/process",
      "drivers/docker",
      "drivers/kubernetes",
      "drivers/nats",
      "drivers/sqs",
      "programs/k8s-watcher",
      "programs/runner",
      "drivers/sqlite",
      "drivers/postgres",
      "programs/server",
      "programs/k8s-watcher",
    ],
    libraries: ["commander", "pino", "yaml"],
    builtins: "all",
  },
};

/** What tests may import besides: the test kit, the runner, the real store instead of a mock, and the client to ask a server. */
export const TESTS_MAY: Row = {
  packages: ["packages/testkit", "packages/sdk", "modules/schedules", "drivers/sqlite", "drivers/files", "packages/opentelemetry"],
  libraries: [
    "vitest",
    "fast-check",
    "ajv",
    "@seriousme/openapi-schema-validator",
    "@opentelemetry/api",
    "@opentelemetry/context-async-hooks",
    "@opentelemetry/sdk-trace-base",
    // What other libraries take an expression to mean.
    "croner",
    "cron-parser",
    "fauxqs",
  ],
  builtins: "all",
};
