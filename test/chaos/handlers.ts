/**
 * What workers of a round have in common, and the handler of the workload: the same countable effects as its scripts, within
 * the worker's own process.
 */
import type { Handler } from "@windlass/engine";
import type { JsonObject } from "@windlass/kernel";
import { noteEffect, type Behaviour } from "./effects.ts";

/** What the sessions of a round live for. Short, so that a round sees many of them run out. */
export const SESSION_TTL_MS = 3_000;
/** Of each worker. */
export const HANDLERS_AT_ONCE = 8;

export function chaosHandlers(effectsFile: string): Record<string, Handler> {
  return { work: (context) => work(effectsFile, context as Parameters<Handler<JsonObject>>[0]) };
}

const work = async (file: string, { jobId, attempt, input, signal }: Parameters<Handler<JsonObject>>[0]): Promise<JsonObject> => {
  const { workMs, failures } = input as unknown as Behaviour;
  const effect = { jobId, attempt, pid: process.pid };
  noteEffect(file, { what: "start", ...effect });
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, workMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
  noteEffect(file, { what: "end", ...effect });
  if (attempt <= failures) throw new Error(`attempt ${attempt} was told to fail`);
  return { attempt };
};
