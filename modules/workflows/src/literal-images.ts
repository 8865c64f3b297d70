/** The images that a specification names as they are, not by an expression, wherever they stand in it. Pure. */
import { imageInPatch, isJsonObject, withImagesBeside, type Json, type JsonObject } from "@windlass/kernel";
import { isTemplate } from "./template.ts";

/** Each once. */
export function literalImages(spec: JsonObject): readonly string[] {
  const found = new Set<string>();
  mapped(spec, (image) => {
    found.add(image);
    return image;
  });
  return [...found];
}

/** The same with other names for some of them. */
export function withImages(spec: JsonObject, images: ReadonlyMap<string, string>): JsonObject {
  return mapped(spec, (image) => images.get(image) ?? image) as JsonObject;
}

/** Where patches of pods name images. */
export function patchedImages(spec: JsonObject): readonly string[] {
  return placesOfPatches(spec, "spec");
}

function mapped(value: Json, change: (image: string) => string): Json {
  if (Array.isArray(value)) return value.map((item: Json) => mapped(item, change));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, mapped(item, change)] as const);
  const { kind, image } = value;
  if (kind !== "container") return Object.fromEntries(entries);
  const literally = (name: string): string => (isTemplate(name) ? name : change(name));
  const own = typeof image === "string" ? { image: literally(image) } : {};
  return withImagesBeside({ ...Object.fromEntries(entries), ...own }, literally);
}

function placesOfPatches(value: Json, path: string): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => placesOfPatches(item, `${path}[${index}]`));
  if (!isJsonObject(value)) return [];
  const place = value["kind"] === "container" ? imageInPatch(value["pod"]) : null;
  const inside = Object.entries(value).flatMap(([key, item]) => placesOfPatches(item, `${path}.${key}`));
  return place === null ? inside : [`${path}.pod.${place}`, ...inside];
}
