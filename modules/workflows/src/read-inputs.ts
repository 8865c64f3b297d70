/** Reads the declared inputs of a workflow: name, type, default, which values are allowed. */
import { isJsonObject, type Json } from "@windlass/kernel";
import { Fields, present } from "./fields.ts";
import { shown, type Finding } from "./finding.ts";
import { inputFault } from "./resolve-inputs.ts";
import { isReservedName } from "./names.ts";
import { INPUT_TYPES, INPUTS_MAX, type InputSpec } from "./workflow.ts";

export const INPUT_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/u;
export const INPUT_KEYS = { known: ["type", "default", "required", "description", "enum"] };

export function readInputs(fields: Fields, findings: Finding[]): Readonly<Record<string, InputSpec>> | undefined {
  const inputs = fields.object("inputs");
  if (inputs === undefined) return undefined;
  const names = Object.keys(inputs);
  if (names.length > INPUTS_MAX) fields.fault("inputs", `${names.length} inputs; ${INPUTS_MAX} are allowed`);
  const specs = names.slice(0, INPUTS_MAX).map((name): [string, InputSpec] => {
    const path = [...fields.pathOf("inputs"), name];
    if (!INPUT_NAME.test(name))
      findings.push({
        path,
        message: `${shown(name)} is no name of an input: letters, digits and _ only, not starting with a digit`,
        atKey: true,
      });
    else if (isReservedName(name))
      findings.push({ path, message: `the name ${name} means something else in expressions; choose another`, atKey: true });
    return [name, readInput(new Fields({ value: inputs[name] ?? {}, path, findings, keys: INPUT_KEYS }))];
  });
  return Object.fromEntries(specs);
}

function readInput(fields: Fields): InputSpec {
  const type = fields.oneOf("type", INPUT_TYPES) ?? "string";
  const required = fields.boolean("required");
  const given = fields.raw("default");
  if (required === true && given !== undefined) fields.fault("required", "an input with a default is never missing; remove one of the two");
  const allowed = readEnum(fields, type);
  const spec: InputSpec = present({ type, description: fields.text("description"), required, enum: allowed });
  if (given === undefined) return spec;
  const fault = inputFault(spec, given);
  if (fault !== undefined) fields.fault("default", fault);
  return { ...spec, default: given };
}

function readEnum(fields: Fields, type: InputSpec["type"]): readonly Json[] | undefined {
  const values = fields.list("enum");
  if (values === undefined) return undefined;
  if (values.length === 0) fields.fault("enum", "it allows no value at all");
  for (const [index, value] of values.entries()) {
    const fault =
      Array.isArray(value) || isJsonObject(value) ? "only text, numbers and booleans can be listed" : inputFault({ type }, value);
    if (fault !== undefined) fields.note([fields.pathOf("enum").at(-1) ?? "enum", index], fault);
  }
  return values;
}
