/**
 * Deaths of Jobs as a real cluster (Kubernetes 1.34, three nodes) told them on its watches: each line is one event of a watch,
 * with the milliseconds since the Job was made. An object's later versions are merge patches on its last one. Names, addresses
 * and times are neutral, and fields that nobody reads are left out.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject } from "@windlass/kernel";
import { FactMemory } from "./facts-memory.ts";

export interface WatchStep {
  readonly at: number;
  readonly kind: "job" | "pod" | "event" | "node";
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: JsonObject;
}

interface Line extends Omit<WatchStep, "object"> {
  readonly case: string;
  readonly id: string;
  readonly object?: JsonObject;
  readonly patch?: JsonObject;
}

/** When each recording begins. */
export const RECORDED_AT: number = Date.parse("2026-01-01T00:00:00Z");

/** By name of the case, in the order in which it was told. */
export const RECORDED: ReadonlyMap<string, readonly WatchStep[]> = readAll();

/** What is remembered of a case after those of its steps that `until` lets through. */
export function remembered(name: string, until: (step: WatchStep) => boolean = () => true): FactMemory {
  const memory = new FactMemory();
  for (const step of stepsOf(name)) {
    if (!until(step)) break;
    tell(memory, step);
  }
  return memory;
}

export function stepsOf(name: string): readonly WatchStep[] {
  const steps = RECORDED.get(name);
  if (steps === undefined) throw new Error(`no death ${name} was recorded`);
  return steps;
}

export function tell(memory: FactMemory, { at, kind, type, object }: WatchStep): void {
  const { uid, name } = object["metadata"] as { readonly uid: string; readonly name: string };
  const isGone = type === "DELETED";
  const time = RECORDED_AT + at;
  switch (kind) {
    case "job":
      memory.seeJob(object);
      if (isGone) memory.loseJob(uid, time, true);
      return;
    case "pod":
      memory.seePod(object, time);
      if (isGone) memory.losePod(uid, time);
      return;
    case "event":
      memory.seeEvent(object);
      return;
    case "node":
      if (isGone) memory.loseNode(name, time);
      else memory.seeNode(object);
  }
}

function readAll(): ReadonlyMap<string, readonly WatchStep[]> {
  const cases = new Map<string, WatchStep[]>();
  const latest = new Map<string, JsonObject>();
  for (const text of readFileSync(join(import.meta.dirname, "recorded-deaths.jsonl"), "utf8")
    .trimEnd()
    .split("\n")) {
    const { case: name, id, object, patch, ...step } = JSON.parse(text) as Line;
    const key = `${name}/${step.kind}/${id}`;
    const now = object ?? patched(latest.get(key) ?? {}, patch ?? {});
    latest.set(key, now);
    cases.set(name, [...(cases.get(name) ?? []), { ...step, object: now }]);
  }
  return cases;
}

function patched(before: JsonObject, patch: JsonObject): JsonObject {
  const now: Record<string, JsonObject[string]> = { ...before };
  for (const [key, value] of Object.entries(patch)) {
    const old = now[key];
    if (value === null) delete now[key];
    else now[key] = isObject(value) && isObject(old) ? patched(old, value) : value;
  }
  return now;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
