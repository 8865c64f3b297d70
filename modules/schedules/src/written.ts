/** The fields of an object that a person wrote, by camelCase key, each with the path where it stands. */
import { camelCaseOf, snakeCaseOf } from "@windlass/contract";
import { didYouMean, isJsonObject, type Json } from "@windlass/kernel";

export type Written = ReadonlyMap<string, { readonly path: readonly (string | number)[]; readonly value: Json }>;

interface Place {
  readonly path: readonly (string | number)[];
  readonly known: readonly string[];
  readonly findings: { path: readonly (string | number)[]; message: string; atKey?: boolean }[];
}

/** Undefined when it is no object. What is not known, or given twice, is noted. */
export function keysOf(data: Json, { path, known, findings }: Place): Written | undefined {
  if (!isJsonObject(data)) {
    findings.push({ path, message: `expected an object with ${known.map(spelled).join(", ")}, found ${show(data)}` });
    return undefined;
  }
  const fields = new Map<string, { readonly path: readonly (string | number)[]; readonly value: Json }>();
  for (const [raw, value] of Object.entries(data)) {
    const key = camelCaseOf(raw);
    const place = [...path, raw];
    if (fields.has(key))
      findings.push({ path: place, message: `the same key as ${fields.get(key)?.path.at(-1)}, given twice`, atKey: true });
    else if (known.includes(key)) fields.set(key, { path: place, value });
    else findings.push({ path: place, message: `unknown key ${show(raw)}${nearOf(raw, known)}`, atKey: true });
  }
  return fields;
}

/** A value as a message shows it: short, and on one line. */
export function show(value: Json): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function nearOf(raw: string, known: readonly string[]): string {
  return didYouMean(snakeCaseOf(raw), known.map(spelled)) || `; known here: ${known.map(spelled).join(", ")}`;
}

/** As files write it. */
function spelled(key: string): string {
  return key === "apiVersion" ? key : snakeCaseOf(key);
}
