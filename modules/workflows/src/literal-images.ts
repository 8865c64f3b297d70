/** The images that a specification names as they are, not by an expression, wherever they stand in it. Pure. */
import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";
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

function mapped(value: Json, change: (image: string) => string): Json {
  if (Array.isArray(value)) return value.map((item: Json) => mapped(item, change));
  if (!isJsonObject(value)) return value;
  const { kind, image } = value;
  const isNamed = kind === "container" && typeof image === "string" && !isTemplate(image);
  const entries = Object.entries(value).map(([key, item]) => [key, mapped(item, change)] as const);
  return { ...Object.fromEntries(entries), ...(isNamed ? { image: change(image) } : {}) };
}
