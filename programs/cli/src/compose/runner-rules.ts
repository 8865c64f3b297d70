/** How the runners of isolated executions are made here: as processes of this host, or in containers of this program's image. */
import { fileURLToPath } from "node:url";
import { WORKER_TTL_MS } from "@windlass/contract";
import type { EngineOptions } from "@windlass/engine";
import {
  environmentVariableOf,
  WindlassError,
  type ExecutorName,
  type JsonObject,
  type SettingName,
  type Settings,
  type SpawnerLimits,
} from "@windlass/kernel";
import { taskKind } from "@windlass/tasks";
import { runnerPod } from "./runner-pod.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/windlass.js", import.meta.url));
const EXECUTORS: readonly ExecutorName[] = ["process", "docker", "kubernetes"];
const ACCESSES = ["api", "database"] as const;
const DATABASE_VARIABLES = ["DATABASE_URL", "INTEGRATION_ENCRYPTION_KEY"];
/** What workers of the SDK may ask for. */
const SESSION_SECONDS_MAX = WORKER_TTL_MS.most / 1_000;
/** The rules of addresses, so that its steps may call what the server's own may, and how long it may be out of touch. */
const PASSED_ON = ["http.allow", "http.deny", "runner.sessionSeconds"] as const;

/** Where this server answers on its own host, once it listens; null: this program takes no connections. */
export type OwnAddress = (() => string) | null;

/** Throws `invalid` for settings that cannot be, with all that is wrong with the specification that they would make. */
export function runnerRules(settings: Settings, address: OwnAddress): NonNullable<EngineOptions["runners"]> {
  const rules = rulesOf(settings, address);
  const sample = { WORKFLOW_ID: "wfv_sample", EXECUTION_ID: "job_sample", WORKFLOW_INPUT: "{}" };
  const faults = taskKind.validate(rules.specOf({ executor: rules.executor, env: sample }), null);
  if (faults.length > 0)
    throw new WindlassError("invalid", `the settings runner.* make no runner: ${faults.map(({ message }) => message).join("; ")}`, {
      faults,
    });
  return rules;
}

/** Limits of how many there are at once. Throws `invalid`. */
export function spawnerLimits(settings: Settings): SpawnerLimits {
  const limit = (name: "spawner.runningMax" | "spawner.perWorkspaceMax" | "spawner.perWorkflowMax"): number | null =>
    wholeNumber(settings, name, 0) === 0 ? null : settings[name];
  return {
    runningMax: limit("spawner.runningMax"),
    perWorkspaceMax: limit("spawner.perWorkspaceMax"),
    perWorkflowMax: limit("spawner.perWorkflowMax"),
  };
}

function wholeNumber(settings: Settings, name: WholeNumber, least: number): number {
  const value = settings[name];
  if (!Number.isSafeInteger(value) || value < least) throw wrong(name, `is ${value}; it must be a whole number of at least ${least}`);
  return value;
}

type WholeNumber = Extract<SettingName, `spawner.${string}`> | "runner.sessionSeconds";

function rulesOf(settings: Settings, address: OwnAddress): NonNullable<EngineOptions["runners"]> {
  const executor = EXECUTORS.find((one) => one === settings["runner.executor"]);
  if (executor === undefined)
    throw wrong("runner.executor", `is "${settings["runner.executor"]}"; it must be one of ${EXECUTORS.join(", ")}`);
  const access = ACCESSES.find((one) => one === settings["runner.access"]);
  if (access === undefined) throw wrong("runner.access", `is "${settings["runner.access"]}"; it must be one of ${ACCESSES.join(", ")}`);
  const demandCluster = (own: ExecutorName): void => {
    if (access === "database" && own !== "kubernetes")
      throw wrong("runner.access", `is "database", which is for runners on a cluster only, where a Secret holds it; this one is of ${own}`);
  };
  demandCluster(executor);
  const url = settings["runner.url"];
  if (url !== "" && !isAddress(url)) throw wrong("runner.url", `is "${url}"; expected an address such as http://windlass:4180`);
  const demandContainers = (): void => {
    for (const name of ["runner.url", "runner.image"] as const)
      if (settings[name] === "") throw wrong(name, "is needed for runners in containers");
  };
  if (executor !== "process") demandContainers();
  if (wholeNumber(settings, "runner.sessionSeconds", 1) > SESSION_SECONDS_MAX)
    throw wrong("runner.sessionSeconds", `is ${settings["runner.sessionSeconds"]}; it must be ${SESSION_SECONDS_MAX} at the most`);
  const pod = runnerPod(settings["runner.template"]);
  const passedOn = Object.fromEntries(PASSED_ON.map((name) => [environmentVariableOf(name), String(settings[name])]));
  return {
    executor,
    attemptsMax: wholeNumber(settings, "spawner.attemptsMax", 1),
    specOf({ executor: own, env }) {
      if (own === "process") return { command: ["windlass", "runner"], env: { ...env } };
      const image = settings["runner.image"];
      const more = own === "kubernetes" && access === "database" ? databaseOf(settings["runner.secret"]) : {};
      return {
        image: image === "" ? "windlass" : image,
        args: ["runner"],
        env: { ...env, ...more },
        ...(own === "kubernetes" ? pod(env) : {}),
      };
    },
    launched(own, { spec }) {
      demandCluster(own);
      if (own === "process") {
        const here = url === "" ? (address?.() ?? "") : url;
        // Another server may be able to, with the next attempt.
        if (here === "") throw new WindlassError("executor_failed", TAKES_NONE);
        return { spec: onThisHost(spec), environment: { ...passedOn, WINDLASS_URL: here } };
      }
      demandContainers();
      return { spec, environment: { ...passedOn, WINDLASS_URL: url } };
    },
  };
}

/** Why a program without an address refuses isolated executions, which nobody else could carry out. */
export const TAKES_NONE = "this program takes no connections, which a runner needs; use a server";

function isAddress(text: string): boolean {
  const protocol = URL.parse(text)?.protocol;
  return protocol === "http:" || protocol === "https:";
}

/** By reference: what they are is known to the cluster alone, and stands in no specification. */
function databaseOf(secret: string): JsonObject {
  return Object.fromEntries(DATABASE_VARIABLES.map((key) => [key, { valueFrom: { secretKeyRef: { name: secret, key } } }]));
}

/** Whichever host it is that starts it: the program lies where the server's own does. */
function onThisHost(spec: JsonObject): JsonObject {
  return { ...spec, command: [process.execPath, PROGRAM, "runner"] };
}

function wrong(name: Parameters<typeof environmentVariableOf>[0], what: string): WindlassError {
  return new WindlassError("invalid", `${environmentVariableOf(name)} ${what}`);
}
