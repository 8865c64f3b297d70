/** Schemas that many operations share: JSON values, times, ids, paging. */
import { isJsonObject, LABELS_MAX, type Json, type JsonObject } from "@windlass/kernel";
import * as z from "zod";

/** JavaScript gives it a meaning of its own as a key. */
const UNNAMEABLE = "__proto__";

/** Any JSON value. What arrives was parsed from JSON, so it needs no second look. */
export const jsonValue = z.custom<Json>((value) => value !== undefined, "a JSON value is missing").meta({ description: "Any JSON value" });
export const jsonObject = z.custom<JsonObject>(isJsonObject, "expected an object").meta({ type: "object", description: "Any JSON object" });

/** ISO 8601 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`. */
export const time = z.iso.datetime({ offset: true });

export const labels = mapOf(z.string().max(200), z.string().max(500), LABELS_MAX);

/**
 * A map by names that its sender chooses. The one that zod would leave out without a word is refused; and one with more than `max`
 * entries before any of them is looked at: there is room for hundreds of thousands in a request, and each would be a fault.
 */
export function mapOf<V extends z.ZodType>(name: z.ZodString, value: V, max = Infinity): MapOf<V> {
  const map = z.record(name, value) as unknown as MapOf<V>;
  const { $schema: _, ...record } = z.toJSONSchema(map, { io: "input", unrepresentable: "any" });
  const described = max === Infinity ? record : { ...record, maxProperties: max };
  const keepsAll = (given: unknown): boolean => !isJsonObject(given) || !Object.hasOwn(given, UNNAMEABLE);
  const refusal = { path: [UNNAMEABLE], message: `the key ${UNNAMEABLE} is not allowed, any other is` };
  const hasRoom: z.core.CheckFn<Record<string, z.input<V>>> = ({ value: input, issues }) => {
    if (isJsonObject(input) && Object.keys(input).length > max)
      issues.push({ code: "too_big", origin: "map", maximum: max, inclusive: true, input });
  };
  return z.custom<Record<string, z.input<V>>>(keepsAll, refusal).check(hasRoom).meta(described).pipe(map);
}

type MapOf<V> = z.ZodType<Record<string, z.output<V>>, Record<string, z.input<V>>>;

/** Where an earlier page ended. One that is none is refused: a list that began anew, or was empty, would be believed. */
export const idCursor = (...prefixes: readonly string[]) =>
  z.string().regex(new RegExp(`^(${prefixes.join("|")})_[0-9a-z]{1,60}$`, "u"), "expected the nextCursor of an earlier answer");

/** Of lists that are in the order of their names: any text is a place in it. */
export const namePage = {
  limit: z.int().min(1).max(500).default(500),
  /** The nextCursor of an earlier answer. */
  cursor: z.string().max(256).optional(),
} as const;

export const nextCursor = z.string().nullable();

export const idParams = z.strictObject({ id: z.string().min(1).max(64) });
export const nameParams = z.strictObject({ name: z.string().min(1).max(256) });
