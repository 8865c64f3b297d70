/** Workflow files as commands are given them, and inputs as people type them. */
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { WindlassError, messageOf, nearest, type Json, type JsonObject } from "@windlass/kernel";
import { standardInput } from "../machine/standard-input.ts";

/** The text of a file; `-` is standard input. Throws `not_found` and `usage`. */
export async function readSource(path: string): Promise<string> {
  try {
    return path === "-" ? (await standardInput()).toString("utf8") : await readFile(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "";
    if (code === "ENOENT") throw new WindlassError("not_found", `there is no file ${path}`, { cause: error });
    if (code === "EISDIR")
      throw new WindlassError("usage", `${path} is a folder; give the files in it: ${path.replace(/\/$/u, "")}/*.yaml`, { cause: error });
    throw new WindlassError("usage", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** True for what can only be meant as a file, and for a name under which a file lies here. */
export function isFile(target: string): boolean {
  return (
    target === "-" ||
    target.includes("/") ||
    /\.(ya?ml|json)$/iu.test(target) ||
    statSync(target, { throwIfNoEntry: false })?.isFile() === true
  );
}

/** An error about a file says which. */
export async function about<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof WindlassError) || !error.faults.some((fault) => fault.line !== undefined)) throw error;
    throw new WindlassError(error.code, error.message, {
      faults: error.faults,
      details: { ...error.details, file: path },
      cause: error.cause,
    });
  }
}

/**
 * Inputs from `-i` and `--input-json` together. What is typed with `-i` becomes what its input is declared as;
 * `declared` is asked for only when there is something to become.
 */
export async function inputsOf(
  given: { readonly pairs: readonly (readonly [string, string])[]; readonly json: unknown },
  declared: () => Promise<JsonObject>,
): Promise<JsonObject> {
  if (given.json !== undefined && (typeof given.json !== "object" || given.json === null || Array.isArray(given.json))) {
    throw new WindlassError("usage", `--input-json must be an object such as '{"name": "Ada"}'`);
  }
  const inputs = new Map<string, Json>(Object.entries((given.json ?? {}) as JsonObject));
  if (given.pairs.length === 0) return Object.fromEntries(inputs);
  const { coerceInput } = await import("@windlass/workflows");
  const types = await declared();
  for (const [name, text] of given.pairs) {
    if (inputs.has(name)) throw new WindlassError("usage", `the input ${name} is given twice`);
    const type = (types[name] as { readonly type?: Parameters<typeof coerceInput>[0] } | undefined)?.type;
    inputs.set(name, type === undefined ? text : coerceInput(type, text));
  }
  return Object.fromEntries(inputs);
}

/** `; did you mean the file hello.yaml?`, for a name that is not known. */
export function nearbyFile(target: string, files: readonly string[]): string {
  const near = nearest(`${target}.yaml`, files);
  return near === undefined ? "" : `; did you mean the file ${near}?`;
}
