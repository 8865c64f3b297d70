/**
 * What a process attempt is to do: the executor's own words for it, and every fault of a spec at once.
 * A script runs as `sh -ec` (or `bash -eo pipefail -c`): a line that fails ends it, so that no failure is hidden by
 * the lines after it.
 */
import { isJsonObject, nearest } from "@windlass/kernel";
import type { Fault, Json, JsonObject } from "@windlass/kernel";

export interface ProcessSpec {
  /** Program and arguments. Exactly one of `command` and `script` is given. */
  readonly command?: readonly string[];
  readonly script?: string;
  /** Of a script; `sh` when left out. */
  readonly shell?: "sh" | "bash";
  /** Absolute. An empty folder of its own, removed with the attempt, when left out. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Of all its processes together. */
  readonly memoryLimitBytes?: number;
  /** `json`: an output is promised, as the last line of stdout that is JSON or in the file WINDLASS_OUTPUT. */
  readonly output?: "json" | "none";
}

const FIELDS = ["command", "script", "shell", "cwd", "env", "memoryLimitBytes", "output"];
const SHELLS: Record<string, readonly string[]> = { sh: ["sh", "-ec"], bash: ["bash", "-eo", "pipefail", "-c"] };

/** Program and arguments of a valid spec. */
export function commandOf(spec: ProcessSpec): readonly string[] {
  return spec.command ?? [...(SHELLS[spec.shell ?? "sh"] ?? []), spec.script ?? ""];
}

/** All faults of a spec; none: it is a ProcessSpec. */
export function faultsOfProcessSpec(spec: JsonObject): readonly Fault[] {
  const faults: Fault[] = [];
  const check = (field: string, isGood: (value: Json) => boolean, allowed: string): void => {
    const value = spec[field];
    if (value !== undefined && !isGood(value))
      faults.push({ path: field, message: `${shown(value)} is not allowed: \`${field}\` is ${allowed}` });
  };
  for (const field of Object.keys(spec)) {
    if (FIELDS.includes(field)) continue;
    const near = nearest(field, FIELDS);
    faults.push({
      path: field,
      message: `a process has no field \`${field}\`${near === undefined ? `; it has ${FIELDS.join(", ")}` : `; did you mean \`${near}\`?`}`,
    });
  }
  if ((spec["command"] === undefined) === (spec["script"] === undefined)) {
    faults.push({ path: "command", message: "give either `command` (a list: program and arguments) or `script` (a text)" });
  }
  check("command", isCommand, "a list of texts that begins with a program, without NUL characters");
  check("script", (value) => isText(value) && value !== "", "a text that is not empty, without NUL characters");
  check("shell", (value) => typeof value === "string" && Object.hasOwn(SHELLS, value), "sh or bash");
  if (spec["shell"] !== undefined && spec["script"] === undefined)
    faults.push({ path: "shell", message: "`shell` goes with `script` only" });
  check("cwd", (value) => isText(value) && value.startsWith("/"), "an absolute path");
  check("env", isEnvironment, "names (letters, digits, _) with texts without NUL characters");
  check("memoryLimitBytes", (value) => Number.isSafeInteger(value) && Number(value) > 0, "a whole number of bytes above 0");
  check("output", (value) => value === "json" || value === "none", "json or none");
  return faults;
}

function isText(value: Json | undefined): value is string {
  return typeof value === "string" && !value.includes("\0");
}

function isCommand(value: Json): boolean {
  return Array.isArray(value) && value.length > 0 && value[0] !== "" && value.every(isText);
}

function isEnvironment(value: Json): boolean {
  return isJsonObject(value) && Object.entries(value).every(([name, text]) => /^[A-Za-z_][A-Za-z0-9_]*$/u.test(name) && isText(text));
}

function shown(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
