/** Reads `retry`, and makes the engine's policy of it. */
import {
  DEFAULT_BACKOFF,
  failureOutcomes,
  ON_RETRY,
  parseBytes,
  parseCores,
  parseDuration,
  RETRY_LIMIT_MAX,
  type Backoff,
  type Duration,
  type JsonObject,
  type Outcome,
  type RetryPolicy,
} from "@windlass/kernel";
import { Fields, present, suggestion } from "./fields.ts";
import { shown, type Finding } from "./finding.ts";
import type { RetryLimits, RetrySpec } from "./workflow.ts";

/** What a `retry` without `on` repeats: ends that another try may mend. */
const DEFAULT_RETRY_ON: readonly Outcome[] = ["failed", "failed_timeout", "failed_node_lost"];

export const RETRY_KEYS = { known: ["limit", "on", "backoff", "resources"] };
export const RETRY_RESOURCES_KEYS = { known: ["limits"] };
export const RETRY_LIMITS_KEYS = { known: ["memory", "cpu"] };
export const BACKOFF_KEYS = { known: ["initial", "factor", "max", "jitter"] };

export function readRetry(fields: Fields): RetrySpec | undefined {
  const retry = fields.inner("retry", RETRY_KEYS);
  if (retry === undefined) return undefined;
  const limit = retry.number("limit", { min: 0, max: RETRY_LIMIT_MAX, whole: true });
  if (!retry.has("limit")) retry.missing("limit", "how many attempts may follow the first");
  return present({ limit: limit ?? 0, on: readOutcomes(retry), backoff: readBackoff(retry), resources: readResources(retry) });
}

/** By outcome; the amounts are no templates, for a policy is made before any attempt. */
function readResources(retry: Fields): RetrySpec["resources"] {
  const resources = retry.object("resources");
  if (resources === undefined) return undefined;
  const entries = Object.entries(resources).map(([outcome, value]): [Outcome, RetryLimits] => {
    const path = [retry.pathOf("resources").at(-1) ?? "resources", outcome];
    if (!failureOutcomes.some((one) => one === outcome))
      retry.note(
        path,
        `${shown(outcome)} is no outcome that can be retried: ${failureOutcomes.join(", ")}${suggestion(outcome, failureOutcomes)}`,
        true,
      );
    const findings: Finding[] = [];
    const limits = new Fields({ value, path: [...retry.path, ...path], findings, keys: RETRY_RESOURCES_KEYS }).inner(
      "limits",
      RETRY_LIMITS_KEYS,
    );
    const memory = amountOf(limits, "memory", parseBytes);
    const cpu = amountOf(limits, "cpu", parseCores);
    for (const finding of findings) retry.note(finding.path.slice(retry.path.length), finding.message, finding.atKey);
    return [outcome as Outcome, { limits: present({ memory, cpu }) }];
  });
  return Object.fromEntries(entries);
}

function amountOf(
  limits: Fields | undefined,
  key: "memory" | "cpu",
  parse: (amount: string | number) => number | undefined,
): string | number | undefined {
  const value = limits?.raw(key);
  if (value === undefined) return undefined;
  if ((typeof value === "string" || typeof value === "number") && parse(value) !== undefined) return value;
  limits?.fault(key, `expected an amount such as ${key === "memory" ? "4Gi" : "500m"}, found ${shown(value)}`);
  return undefined;
}

/** What changes in a specification after attempts that ended so; nothing where nothing is said. */
export function onRetryOf(spec: RetrySpec | undefined): JsonObject {
  if (spec?.resources === undefined) return {};
  const changes = Object.entries(spec.resources).map(([outcome, { limits }]): [string, JsonObject] => [
    outcome,
    present({
      memoryLimitBytes: limits.memory === undefined ? undefined : parseBytes(limits.memory),
      cpuLimit: limits.cpu === undefined ? undefined : parseCores(limits.cpu),
    }) as JsonObject,
  ]);
  return { [ON_RETRY]: Object.fromEntries(changes) };
}

/** The policy of a step: its own, else the workflow's, else null for the engine's default. */
export function retryPolicyOf(spec: RetrySpec | undefined): RetryPolicy | null {
  if (spec === undefined) return null;
  const { initial, factor, max, jitter } = spec.backoff ?? {};
  const backoff: Backoff = {
    initial: duration(initial) ?? DEFAULT_BACKOFF.initial,
    factor: factor ?? DEFAULT_BACKOFF.factor,
    max: duration(max) ?? DEFAULT_BACKOFF.max,
    jitter: jitter ?? DEFAULT_BACKOFF.jitter,
  };
  return { limit: spec.limit, on: spec.on ?? DEFAULT_RETRY_ON, backoff };
}

function duration(value: string | number | undefined): Duration | undefined {
  return value === undefined ? undefined : parseDuration(value);
}

function readOutcomes(retry: Fields): readonly Outcome[] | undefined {
  const names = retry.texts("on");
  for (const [index, name] of (names ?? []).entries()) {
    if (failureOutcomes.some((outcome) => outcome === name)) continue;
    const path = [retry.pathOf("on").at(-1) ?? "on", index];
    retry.note(path, `${shown(name)} is no outcome that can be retried: ${failureOutcomes.join(", ")}${suggestion(name, failureOutcomes)}`);
  }
  return names as readonly Outcome[] | undefined;
}

function readBackoff(retry: Fields): RetrySpec["backoff"] {
  const backoff = retry.inner("backoff", BACKOFF_KEYS);
  if (backoff === undefined) return undefined;
  return present({
    initial: readDuration(backoff, "initial"),
    factor: backoff.number("factor", { min: 1, max: 100 }),
    max: readDuration(backoff, "max"),
    jitter: backoff.number("jitter", { min: 0, max: 1 }),
  });
}

/** A duration as it was written, once it is known to be one. */
export function readDuration(fields: Fields, key: string): string | number | undefined {
  const value = fields.raw(key);
  if (value === undefined) return undefined;
  if ((typeof value === "string" || typeof value === "number") && parseDuration(value) !== undefined) return value;
  fields.fault(key, `expected a duration such as 30s, 1h30m or a number of seconds, found ${shown(value)}`);
  return undefined;
}
