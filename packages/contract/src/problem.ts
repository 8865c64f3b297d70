/** Refusals on the wire: `application/problem+json` (RFC 9457) with the code of the error table and every fault. */
import { ERRORS, errorCodes, type ErrorCode, type Fault, type WindlassError } from "@windlass/kernel";
import * as z from "zod";
import { jsonObject } from "./json-schema.ts";

export const PROBLEM_TYPE = "application/problem+json";

export const faultJson = z
  .object({ path: z.string(), message: z.string(), line: z.int().optional(), column: z.int().optional() })
  .meta({ id: "Fault" });

export const problemJson = z
  .object({
    /** A name, not an address. */
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(errorCodes),
    detail: z.string(),
    faults: z.array(faultJson).optional(),
    details: jsonObject.optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: "Problem" });

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly faults?: Fault[];
  readonly details?: WindlassError["details"];
  readonly requestId?: string;
}

export function problemOf(error: Pick<WindlassError, "code" | "message" | "faults" | "details">, requestId?: string): Problem {
  const { status, meaning } = ERRORS[error.code];
  return {
    type: `urn:windlass:error:${error.code}`,
    title: meaning,
    status,
    code: error.code,
    detail: error.message,
    ...(error.faults.length === 0 ? {} : { faults: [...error.faults] }),
    ...(Object.keys(error.details).length === 0 ? {} : { details: error.details }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}
