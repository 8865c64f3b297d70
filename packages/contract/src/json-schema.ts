/** Schemas that many operations share: JSON values, times, ids, paging. */
import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";
import * as z from "zod";

/** Any JSON value. What arrives was parsed from JSON, so it needs no second look. */
export const jsonValue = z.custom<Json>((value) => value !== undefined, "a JSON value is missing").meta({ description: "Any JSON value" });
export const jsonObject = z.custom<JsonObject>(isJsonObject, "expected an object").meta({ type: "object", description: "Any JSON object" });

/** ISO 8601 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`. */
export const time = z.iso.datetime({ offset: true });

export const labels = z.record(z.string().max(200), z.string().max(500));

export const idParams = z.strictObject({ id: z.string().min(1).max(64) });
export const nameParams = z.strictObject({ name: z.string().min(1).max(256) });
