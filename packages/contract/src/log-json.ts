/** What attempts printed, as the API shows it: `text` where the bytes are UTF-8, `base64` where they are not. */
import * as z from "zod";
import { time } from "./json-schema.ts";

export const stream = z.enum(["stdout", "stderr"]);

export const logChunkJson = z
  .object({
    attempt: z.int(),
    stream,
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
