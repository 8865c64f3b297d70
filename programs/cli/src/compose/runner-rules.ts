/** How the runners of isolated executions are made here: as processes of this host, or in containers of this program's image. */
import { fileURLToPath } from "node:url";
import type { EngineOptions } from "@windlass/engine";
import { environmentVariableOf, WindlassError, type ExecutorName, type JsonObject, type Settings } from "@windlass/kernel";
import { runnerPod } from "./runner-pod.ts";

const PROGRAM = fileURLToPath(new URL("../../bin/windlass.js", import.meta.url));
const EXECUTORS: readonly ExecutorName[] = ["process", "docker", "kubernetes"];
/** What a runner needs to know of the rules of addresses, so that its steps may call what the server's own may. */
const PASSED_ON = ["http.allow", "http.deny"] as const;

/** `address`: where this server answers on its own host; known once it listens. Throws `invalid` for settings that cannot be. */
export function runnerRules(settings: Settings, address: () => string): NonNullable<EngineOptions["runners"]> {
  const executor = EXECUTORS.find((one) => one === settings["runner.executor"]);
  if (executor === undefined)
    throw wrong("runner.executor", `is "${settings["runner.executor"]}"; it must be one of ${EXECUTORS.join(", ")}`);
  if (settings["runner.access"] !== "api") throw wrong("runner.access", `is "${settings["runner.access"]}"; api is the only way there is`);
  const url = settings["runner.url"];
  if (url !== "" && !URL.canParse(url)) throw wrong("runner.url", `is "${url}"; expected an address such as http://windlass:4180`);
  const pod = runnerPod(settings["runner.template"]);
  const passedOn = Object.fromEntries(PASSED_ON.map((name) => [environmentVariableOf(name), settings[name]]));
  return {
    executor,
    specOf({ executor: own, env }) {
      if (own === "process" && address() === "")
        throw new WindlassError("invalid", "this program takes no connections, which a runner needs; use a server");
      if (own === "process") return { command: ["windlass", "runner"], env: { ...env } };
      const image = settings["runner.image"];
      return { image: image === "" ? "windlass" : image, args: ["runner"], env: { ...env }, ...(own === "kubernetes" ? pod(env) : {}) };
    },
    launched(own, { spec }) {
      if (own === "process") {
        const here = url === "" ? address() : url;
        if (here === "") throw new WindlassError("unavailable", "this program takes no connections, which a runner needs; use a server");
        return { spec: onThisHost(spec), environment: { ...passedOn, WINDLASS_URL: here } };
      }
      for (const name of ["runner.url", "runner.image"] as const)
        if (settings[name] === "") throw wrong(name, "is needed for runners in containers");
      return { spec, environment: { ...passedOn, WINDLASS_URL: url } };
    },
  };
}

/** Whichever host it is that starts it: the program lies where the server's own does. */
function onThisHost(spec: JsonObject): JsonObject {
  return { ...spec, command: [process.execPath, PROGRAM, "runner"] };
}

function wrong(name: Parameters<typeof environmentVariableOf>[0], what: string): WindlassError {
  return new WindlassError("invalid", `${environmentVariableOf(name)} ${what}`);
}
