/** Inputs of an execution: typed, with defaults, everything wrong said at once. A value is never turned into another type. */
import { isJsonObject, type Fault, type Json, type JsonObject } from "@windlass/kernel";
import { suggestion } from "./fields.ts";
import { FINDINGS_MAX, pathText, shown, sortOf } from "./finding.ts";
import type { InputSpec, InputType, Workflow } from "./workflow.ts";

export type Resolved = { readonly inputs: JsonObject } | { readonly faults: readonly Fault[] };

/** All inputs with their defaults filled in; what is optional and not given is null. */
export function resolveInputs(workflow: Workflow, given: Json): Resolved {
  const specs = workflow.inputs ?? {};
  if (given !== null && !isJsonObject(given))
    return { faults: [{ path: "input", message: `expected an object with the inputs by name, found ${sortOf(given)}` }] };
  const names = Object.keys(specs);
  const faults: Fault[] = [];
  const unknown = Object.keys(given ?? {}).filter((name) => !Object.hasOwn(specs, name));
  for (const name of unknown.slice(0, FINDINGS_MAX)) {
    const known = names.length === 0 ? "; this workflow has no inputs" : suggestion(name, names) || `; its inputs: ${names.join(", ")}`;
    faults.push({ path: pathOf(name), message: `there is no input ${shown(name)}${known}` });
  }
  if (unknown.length > FINDINGS_MAX)
    faults.push({ path: "input", message: `${unknown.length - FINDINGS_MAX} more inputs that are not known are not listed` });
  const values = Object.entries(specs).map(([name, spec]): [string, Json] => {
    const value = given !== null && Object.hasOwn(given, name) ? given[name] : undefined;
    if (value === undefined) {
      if (spec.default === undefined && spec.required !== false)
        faults.push({ path: pathOf(name), message: `the input ${name} (${spec.type}) is missing` });
      return [name, spec.default ?? null];
    }
    const fault = value === null && spec.required === false ? undefined : inputFault(spec, value);
    if (fault !== undefined) faults.push({ path: pathOf(name), message: fault });
    return [name, value];
  });
  return faults.length > 0 ? { faults } : { inputs: Object.fromEntries(values) };
}

/** What is wrong with a value for an input. */
export function inputFault(spec: Pick<InputSpec, "type" | "enum">, value: Json): string | undefined {
  if (!FITS[spec.type](value)) return `expected ${EXPECTED[spec.type]}, found ${shown(value)}`;
  if (spec.enum === undefined || spec.enum.some((allowed) => allowed === value)) return undefined;
  const words = spec.enum.map((allowed) => (typeof allowed === "string" ? allowed : JSON.stringify(allowed)));
  return `expected one of ${words.join(", ")}, found ${shown(value)}${typeof value === "string" ? suggestion(value, words) : ""}`;
}

/**
 * The value that a text on a command line means for an input of this type. Only for command lines: there every value is
 * text. What cannot be read stays text, and is refused with everything else by `resolveInputs`.
 */
export function coerceInput(type: InputType, text: string): Json {
  switch (type) {
    case "string":
      return text;
    case "integer":
    case "number":
      return /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/iu.test(text.trim()) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    case "array":
    case "object":
      try {
        return JSON.parse(text) as Json;
      } catch {
        return text; // Not JSON: refused later as text where a list or an object is expected.
      }
  }
}

const FITS: Record<InputType, (value: Json) => boolean> = {
  string: (value) => typeof value === "string",
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => typeof value === "number" && Number.isFinite(value),
  boolean: (value) => typeof value === "boolean",
  array: (value) => Array.isArray(value),
  object: isJsonObject,
};

const EXPECTED: Record<InputType, string> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

function pathOf(name: string): string {
  return pathText(["input", name]);
}
