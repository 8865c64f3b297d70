/**
 * Renders the tool `container` into the specification of its job: in the words of containers, or, where somebody asked for
 * the executor `process`, as a command of the host.
 */
import {
  faultsOfContainerSpec,
  isEnvSource,
  isJsonObject,
  parseBytes,
  parseCores,
  withoutAliases,
  type Json,
  type JsonObject,
  type Reason,
} from "@windlass/kernel";
import { envSpecOf } from "./environment.ts";
import { shown } from "./finding.ts";
import { KUBERNETES_KEYS } from "./read-container.ts";
import { render, textOf, type Evaluate } from "./template.ts";
import type { ContainerExecutor, ContainerTool } from "./workflow.ts";

export type RenderedContainer = { readonly spec: JsonObject } | { readonly reason: Reason; readonly message: string };

const PULL_POLICIES = { Always: "always", IfNotPresent: "missing", Never: "never" } as const;

/** Thrown for an amount that is none once it is rendered. */
class BadAmount extends Error {}

export function renderContainer(tool: ContainerTool, executor: ContainerExecutor, evaluate: Evaluate): RenderedContainer {
  const rendered = render(tool as unknown as Json, evaluate);
  if (!rendered.ok) return { reason: "expression_failed", message: rendered.message };
  try {
    const { env: given = {}, ...values } = rendered.value as unknown as Omit<ContainerTool, "env"> & { readonly env?: JsonObject };
    const env = envSpecOf(tool.env ?? {}, given);
    if ("message" in env) return { reason: "bad_spec", message: env.message };
    const spec = specOfContainer(values, tool.env === undefined ? {} : env);
    const [fault] = faultsOfContainerSpec(withoutAliases(spec));
    if (fault !== undefined) return { reason: "bad_spec", message: `${fault.path}: ${fault.message}` };
    return executor === "process" ? processSpecOf(spec) : { spec };
  } catch (error) {
    if (!(error instanceof BadAmount)) throw error;
    return { reason: "bad_spec", message: error.message };
  }
}

function specOfContainer(tool: Omit<ContainerTool, "env">, { env }: { readonly env?: JsonObject }): JsonObject {
  const { image, command, args, workingDir, imagePullPolicy, output, resources, volumes } = tool;
  const { requests = {}, limits = {} } = resources ?? {};
  const kubernetes = kubernetesOf(tool);
  return defined({
    image: textOf(image),
    command: command?.map(textOf),
    args: args?.map(textOf),
    env,
    workingDir: workingDir === undefined ? undefined : textOf(workingDir),
    pullPolicy: imagePullPolicy === undefined ? undefined : PULL_POLICIES[imagePullPolicy],
    output,
    memoryLimitBytes: amount("resources.limits.memory", limits.memory, parseBytes),
    cpuLimit: amount("resources.limits.cpu", limits.cpu, parseCores),
    memoryRequestBytes: amount("resources.requests.memory", requests.memory, parseBytes),
    cpuRequest: amount("resources.requests.cpu", requests.cpu, parseCores),
    volumes: volumes?.map(({ emptyDir, ...volume }, index) =>
      defined({
        ...Object.fromEntries(Object.entries(volume).map(([key, value]) => [key, typeof value === "boolean" ? value : textOf(value)])),
        emptyDir:
          emptyDir === undefined
            ? undefined
            : defined({ sizeBytes: amount(`volumes[${index}].empty_dir.size_limit`, emptyDir.sizeLimit, parseBytes) }),
      }),
    ),
    kubernetes: Object.keys(kubernetes).length === 0 ? undefined : kubernetes,
  });
}

function kubernetesOf(tool: Omit<ContainerTool, "env">): JsonObject {
  const keys: readonly string[] = Object.values(KUBERNETES_KEYS).flat();
  return Object.fromEntries(Object.entries(tool as unknown as JsonObject).filter(([key]) => keys.includes(key)));
}

/** The same work without its image: only what a process has. */
function processSpecOf(spec: JsonObject): RenderedContainer {
  const { command, args = [], env, workingDir, memoryLimitBytes, output, volumes } = spec;
  if (command === undefined)
    return { reason: "bad_spec", message: "command: the executor process runs the command without the image, so it must be given here" };
  if (isJsonObject(env) && Object.values(env).some(isEnvSource))
    return { reason: "bad_spec", message: "env: the executor process finds no values in a cluster; choose kubernetes" };
  if (volumes !== undefined) return { reason: "bad_spec", message: "volumes: the executor process has none; choose docker or kubernetes" };
  return {
    spec: defined({
      command: [...(command as readonly Json[]), ...(args as readonly Json[])],
      cwd: workingDir,
      env,
      memoryLimitBytes,
      output,
    }),
  };
}

function amount(
  field: string,
  value: string | number | undefined,
  parse: (value: string | number) => number | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  const parsed = parse(textOf(value));
  if (parsed === undefined) throw new BadAmount(`${field}: expected an amount, found ${shown(value)}`);
  return parsed;
}

function defined(object: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
