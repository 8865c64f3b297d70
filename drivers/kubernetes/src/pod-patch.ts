/** A raw patch of a pod's template: JSON merge (RFC 7396), but containers, variables and volumes are merged by name. Pure. */
import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";

/** Lists whose items have names. */
const BY_NAME = new Set(["containers", "initContainers", "env", "volumes"]);

export function patched(target: JsonObject, patch: JsonObject): JsonObject {
  const result = new Map<string, Json>(Object.entries(target));
  for (const [key, value] of Object.entries(patch)) {
    const before = result.get(key);
    if (value === null) result.delete(key);
    else if (isJsonObject(value)) result.set(key, patched(isJsonObject(before) ? before : {}, value));
    else if (isList(value) && BY_NAME.has(key) && isList(before)) result.set(key, mergedByName(before, value));
    else result.set(key, value);
  }
  return Object.fromEntries(result);
}

function mergedByName(before: readonly Json[], patch: readonly Json[]): Json {
  const result = [...before];
  for (const item of patch) {
    const at = result.findIndex((one) => nameOf(one) !== undefined && nameOf(one) === nameOf(item));
    const known = result[at];
    if (isJsonObject(known) && isJsonObject(item)) result[at] = patched(known, item);
    else result.push(isJsonObject(item) ? patched({}, item) : item);
  }
  return result;
}

function nameOf(item: Json | undefined): Json | undefined {
  return isJsonObject(item) ? item["name"] : undefined;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
