/** Reads the tool `workflow`: which stored workflow a step runs, and with what. */
import { isJsonObject, type Json } from "@windlass/kernel";
import { present, type Fields } from "./fields.ts";
import { shown, sortOf } from "./finding.ts";
import { readReference } from "./pins.ts";
import { isTemplate, splitTemplate, wholeOf } from "./template.ts";
import type { CallTool } from "./workflow.ts";

export function readCall(fields: Fields): CallTool {
  return present({ kind: "workflow", name: readName(fields), inputs: readGiven(fields) } as const);
}

/** With its version behind an `@`, however it was given; without one it is the newest when the execution is submitted. */
function readName(fields: Fields): string {
  const name = fields.text("name");
  const version = fields.raw("version");
  if (!fields.has("name")) fields.missing("name", "the name under which a workflow was applied");
  const reference = name === undefined ? undefined : readReference(name);
  if (name !== undefined && isTemplate(name))
    fields.fault("name", "which workflow is run must be known when the execution is submitted; use one step for each, with `when`");
  else if (name !== undefined && reference === undefined)
    fields.fault("name", `${shown(name)} is no name of a workflow; write report, report@3 or report@latest`);
  if (version === undefined || version === "latest") return reference === undefined ? "" : written(reference.name, reference.version);
  if (typeof version !== "number" || !Number.isSafeInteger(version) || version < 1)
    fields.fault("version", `expected a number of a version (1, 2, 3 …) or latest, found ${shown(version)}`);
  else if (name?.includes("@") === true) fields.fault("version", "the version is given in the name as well; remove one of the two");
  else if (reference !== undefined) return written(reference.name, version);
  return reference?.name ?? "";
}

function written(name: string, version: number | undefined): string {
  return version === undefined ? name : `${name}@${version}`;
}

function readGiven(fields: Fields): Json | undefined {
  const value = fields.raw("inputs");
  if (value === undefined || isJsonObject(value)) return value;
  const parts = typeof value === "string" ? splitTemplate(value) : [];
  if (typeof value === "string" && ("mistake" in parts || wholeOf(parts) !== undefined)) return value;
  fields.fault("inputs", `expected the inputs by name, or one {{ }} that gives them, found ${sortOf(value)}`);
  return undefined;
}
