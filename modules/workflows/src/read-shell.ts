/** Reads the tool `shell`; the environment and the limits are read alike for whatever else runs programs. */
import { camelCaseOf } from "@windlass/contract";
import {
  faultOfEnvSource,
  isEnvSource,
  isJsonObject,
  parseBytes,
  SECRET_NAME,
  SECRET_NAME_RULE,
  type Json,
  type JsonObject,
} from "@windlass/kernel";
import { Fields, present } from "./fields.ts";
import { shown, type Finding, type Path } from "./finding.ts";
import { isTemplate } from "./template.ts";
import type { Env, ShellTool } from "./workflow.ts";

export const RESOURCES_KEYS = { known: ["limits"], later: ["requests"] };
export const LIMITS_KEYS = { known: ["memory"], later: ["cpu"] };

export function readShell(fields: Fields): ShellTool {
  const script = fields.text("script") ?? (typeof fields.raw("command") === "string" ? (fields.raw("command") as string) : undefined);
  const command = typeof fields.raw("command") === "string" ? undefined : fields.texts("command");
  if (fields.has("command") && fields.has("script")) fields.fault("script", "there is a command as well; remove one of the two");
  if (!fields.has("command") && !fields.has("script"))
    fields.missing("command", "a program with its arguments as a list, or a script as text");
  if (command?.length === 0) fields.fault("command", "an empty list names no program");
  if (script?.trim() === "") fields.fault(fields.has("script") ? "script" : "command", "it is empty");
  return present({
    kind: "shell",
    command,
    script: command === undefined ? script : undefined,
    cwd: fields.text("cwd"),
    env: readEnv(fields),
    output: fields.oneOf("output", ["json"]),
    resources: readResources(fields),
  } as const);
}

/**
 * A map, or a list of `{name, value}` as Kubernetes writes it. Values are text; whole numbers and booleans have only one spelling and are taken.
 * `valueFrom` in the place of a value is the alias of a secret or, for containers, where a cluster is to find it.
 */
export function readEnv(fields: Fields, isForCluster = false): Env | undefined {
  const value = fields.raw("env");
  if (value === undefined) return undefined;
  const env: [string, Env[string]][] = [];
  const take = (name: string, text: Json, path: Path): void => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/u.test(name) || name === "__proto__")
      fields.note(path, `${shown(name)} is no name of a variable: letters, digits and _ only, not starting with a digit`);
    else if (env.some(([taken]) => taken === name)) fields.note(path, `${name} is set twice`);
    else if (typeof text === "string" || typeof text === "boolean" || (typeof text === "number" && Number.isInteger(text)))
      env.push([name, String(text)]);
    else if (isForCluster && isEnvSource(withOneSpelling(text))) readSource(fields, { name, value: text, path, env });
    else if (isJsonObject(text)) {
      const alias = readAlias(fields, text, path);
      if (alias !== undefined) env.push([name, { valueFrom: alias }]);
    } else fields.note(path, `the value of a variable is text, found ${shown(text)}; put it in quotes`);
  };
  const key = fields.pathOf("env").at(-1) ?? "env";
  if (Array.isArray(value)) {
    for (const [index, entry] of (value as readonly Json[]).entries()) {
      const findings: Finding[] = [];
      const one = new Fields({
        value: entry,
        path: [...fields.pathOf("env"), index],
        findings,
        keys: { known: ["name", "value", "valueFrom"] },
      });
      const name = one.text("name");
      if (findings.length === 0 && name === undefined) one.missing("name", "which variable is set");
      const alias = one.raw("valueFrom");
      if (alias !== undefined && one.has("value")) one.fault("valueFrom", "there is a value as well; remove one of the two");
      for (const finding of findings) fields.note(finding.path.slice(fields.path.length), finding.message, finding.atKey);
      if (name !== undefined) take(name, alias === undefined ? (one.raw("value") ?? "") : { valueFrom: alias }, [key, index]);
    }
  } else for (const [name, text] of Object.entries(fields.object("env") ?? {})) take(name, text, [key, name]);
  return Object.fromEntries(env);
}

/** Of what people write in two ways: value_from and secret_key_ref as well. */
function withOneSpelling(value: Json): Json {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camelCaseOf(key), withOneSpelling(inner)]));
}

function readSource(fields: Fields, { name, value, path, env }: ReadSource): void {
  const source = withOneSpelling(value);
  const fault = faultOfEnvSource(source);
  if (fault !== null) fields.note(path, fault);
  else if (isEnvSource(source)) env.push([name, { valueFrom: source["valueFrom"] as JsonObject }]);
}

interface ReadSource {
  readonly name: string;
  readonly value: Json;
  readonly path: Path;
  readonly env: [string, Env[string]][];
}

/** An alias, or a template that gives one. */
function readAlias(fields: Fields, value: JsonObject, path: Path): string | undefined {
  const findings: Finding[] = [];
  const one = new Fields({ value, path: [...fields.path, ...path], findings, keys: { known: ["valueFrom"] } });
  const alias = one.text("valueFrom");
  if (findings.length === 0 && alias === undefined) one.missing("valueFrom", "the alias of a secret: windlass secrets list");
  if (alias !== undefined && !isTemplate(alias) && !SECRET_NAME.test(alias))
    fields.note(path, `${shown(alias)} is no alias of a secret: ${SECRET_NAME_RULE}`);
  for (const finding of findings) fields.note(finding.path.slice(fields.path.length), finding.message, finding.atKey);
  return alias;
}

function readResources(fields: Fields): ShellTool["resources"] {
  const limits = fields.inner("resources", RESOURCES_KEYS)?.inner("limits", LIMITS_KEYS);
  const memory = limits?.raw("memory");
  if (limits === undefined || memory === undefined) return undefined;
  if (typeof memory === "number" || typeof memory === "string") {
    if ((typeof memory === "string" && isTemplate(memory)) || parseBytes(memory) !== undefined) return { limits: { memory } };
  }
  limits.fault("memory", `expected an amount of memory such as 64Mi or 1G, found ${shown(memory)}`);
  return undefined;
}
