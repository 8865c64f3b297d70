/**
 * All images that a container's specification runs: its own, and on a cluster those of the containers beside it. What a raw patch of
 * the pod would run is only found, not changed: a patch may reach any container, and volumes that are images. Pure.
 */
import { isJsonObject, type Json, type JsonObject } from "./json.ts";

const BESIDE = ["initContainers", "sidecars"] as const;

/** The same part of a specification with what `change` makes of the images of its `initContainers` and `sidecars`. */
export function withImagesBeside(part: JsonObject, change: (image: string) => string): JsonObject {
  const changed: Record<string, Json> = {};
  for (const key of BESIDE) {
    const list = part[key];
    if (!isList(list)) continue;
    changed[key] = list.map((one) =>
      isJsonObject(one) && typeof one["image"] === "string" ? { ...one, image: change(one["image"]) } : one,
    );
  }
  return { ...part, ...changed };
}

/** The specification of a container with what `change` makes of each image; those beside it mean something to a cluster alone. */
export function withContainerImages(spec: JsonObject, isOnCluster: boolean, change: (image: string) => string): JsonObject {
  const { image, kubernetes } = spec;
  return {
    ...spec,
    ...(typeof image === "string" ? { image: change(image) } : {}),
    ...(isOnCluster && isJsonObject(kubernetes) ? { kubernetes: withImagesBeside(kubernetes, change) } : {}),
  };
}

/** Where a patch of a pod's template first names an image; null: nowhere. */
export function imageInPatch(pod: Json | undefined): string | null {
  const spec = isJsonObject(pod) ? pod["spec"] : undefined;
  return spec === undefined ? null : placeOfImage(spec, "spec");
}

function placeOfImage(value: Json, path: string): string | null {
  if (isList(value)) return firstOf(value.map((item, index) => [`${path}[${index}]`, item] as const));
  if (!isJsonObject(value)) return null;
  if (Object.hasOwn(value, "image")) return `${path}.image`;
  return firstOf(Object.entries(value).map(([key, item]) => [`${path}.${key}`, item] as const));
}

function firstOf(items: readonly (readonly [string, Json])[]): string | null {
  for (const [path, item] of items) {
    const found = placeOfImage(item, path);
    if (found !== null) return found;
  }
  return null;
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
