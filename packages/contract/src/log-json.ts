/** What attempts printed, as the API shows it: `text` where the bytes are UTF-8, `base64` where they are not. */
import * as z from "zod";
import { time } from "./json-schema.ts";
import { ALL_CONTAINERS } from "./routes.ts";

export const stream = z.enum(["stdout", "stderr"]);

/** As Kubernetes names containers. */
export const containerName = z
  .string()
  .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u, "expected the name of a container: small letters, digits and -, at most 63");

/** Of which container; the main one when left out, all for `*`. */
export const containerRange = z.union([z.literal(ALL_CONTAINERS), containerName]);

export const logChunkJson = z
  .object({
    attempt: z.int(),
    stream,
    /** Of a container beside the main one (init, sidecar); left out for the main one. */
    container: z.string().optional(),
    at: time,
    text: z.string().optional(),
    base64: z.string().optional(),
  })
  .meta({ id: "LogChunk" });

export const logsJson = z
  .object({
    attempt: z.int(),
    chunks: z.array(logChunkJson),
    /** Give it as `after` to read on. */
    position: z.string(),
    /** True when there is more now. */
    more: z.boolean(),
  })
  .meta({ id: "Logs" });

/** One item of a log that is followed. `attempt`: what follows belongs to it; `end`: the attempt (or the job) has ended and everything was sent. */
export const logItemJson = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("chunks"), chunks: z.array(logChunkJson) }),
    z.object({ type: z.literal("attempt"), attempt: z.int() }),
    z.object({ type: z.literal("end") }),
  ])
  .meta({ id: "LogItem" });

export type LogChunkJson = z.output<typeof logChunkJson>;
export type LogsJson = z.output<typeof logsJson>;
export type LogItemJson = z.output<typeof logItemJson>;
