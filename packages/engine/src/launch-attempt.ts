/** One launch, from the claimed attempt to the record that it runs (launcher.ts, L1 and L2). */
import {
  changesOnRetry,
  specOfAttempt,
  DEFAULT_GRACE_MS,
  hasCode,
  isRunner,
  maskOf,
  messageOf,
  ms,
  NO_SECRETS,
  seconds,
  backoffDelay,
  secretEnvironmentOf,
  WindlassError,
  withoutAliases,
  type Backoff,
  type JobRecord,
  type LiveJob,
  type Result,
} from "@windlass/kernel";
import type { ClaimedJob, LaunchAbout, Launched, LaunchRequest, Waiting } from "@windlass/ports";
import { admittedImage } from "./admit-image.ts";
import { givenSecrets } from "./given-secrets.ts";
import { maskedResult } from "./handler-host.ts";
import { runnerRequest } from "./runner-launch.ts";
import { settleByHolder, type Place } from "./place.ts";

/** Tries before a launch counts as failed; about 20 seconds in all. */
const TRIES_MAX = 8;
const BACKOFF: Backoff = { initial: ms(500), factor: 2, max: seconds(4), jitter: 0.3 };

/** Asks the executor, and stores what became of it. Repeating it is harmless: names are launched at most once. */
export async function launchAttempt(place: Place, { record, live }: ClaimedJob): Promise<void> {
  const traceparent = place.spans.begin({ record, live });
  const admitted = await admittedImage(place, await launchable(place, { record, live }), live);
  const launched = "refused" in admitted ? admitted : await launchAdmitted(place, { record: admitted.record, live }, traceparent);
  if ("refused" in launched) {
    await place.results.settle(settleByHolder(place, live, launched.refused));
    place.spans.end({ name: live.externalName ?? "", jobId: live.id, attempt: live.attempt, result: launched.refused });
    place.alive.delete(live.id);
    return;
  }
  await recordLaunch(place, live, launched.ref);
}

/** What was recorded of it is gone: it may have run, so it is not made again. */
export const GONE_BEFORE_RECORD: Result = {
  outcome: "failed",
  reason: "vanished_unobserved",
  message: "what was made of it is gone, and nobody saw whether it began or how it ended",
};

async function launchAdmitted(place: Place, { record, live }: ClaimedJob, traceparent: string | null): Promise<Launched> {
  const given = await givenSecrets(place.context, record);
  if ("refused" in given) return given;
  const runner = isRunner(record) ? await runnerRequest(place.context, { record, live }) : null;
  if (runner !== null && "refused" in runner) return runner;
  const executionId = await executionOf(place, record);
  const made = { isRecorded: live.externalRef !== null };
  const request = requestFor(record, live, { traceparent, executionId });
  return launchWithRetries(place, made, {
    ...request,
    ...secretsFor(place, record, given.values),
    ...(runner === null ? {} : { ...runner, environment: { ...request.environment, ...runner.environment } }),
    record: async (ref) => {
      await recordMade(place, live, ref);
      made.isRecorded = true;
    },
    observe: (waiting) => observeLaunch(place, live, waiting),
    tell: (progress) => void place.results.settle({ type: "progress", id: live.id, token: live.token, progress }),
  });
}

/** Stores that the attempt runs under this reference. */
export async function recordLaunch(place: Place, live: LiveJob, ref: string): Promise<void> {
  const stored = await place.results.settle({ type: "launched", id: live.id, token: live.token, ref });
  if (stored?.ok === false)
    place.context.logger.debug("the attempt ended or was handed on before its launch was recorded", {
      job: live.id,
      why: stored.refusal.why,
    });
  // A stop that came while the launch was under way is announced again by this commit, now that there is something to stop.
}

/** Stores the reference of what has not begun, and says whether it may begin (X4 of the port). */
async function recordMade({ results }: Place, live: LiveJob, ref: string): Promise<void> {
  const stored = await results.settle({ type: "made", id: live.id, token: live.token, ref });
  if (stored === undefined) throw new WindlassError("unavailable", "the server is stopping");
  if (!stored.ok) throw new WindlassError("conflict", stored.refusal.why);
}

function observeLaunch({ results }: Place, live: LiveJob, { reason, message }: Waiting): void {
  const by = { type: "executor", name: live.externalName ?? "", ref: null } as const;
  const observed = { state: "pending", reason, message } as const;
  void results.settle({ type: "observe", id: live.id, attempt: live.attempt, by, observed });
}

/** `made`: a conflict after it was recorded is with another one under its name, so the one that was recorded is gone. */
async function launchWithRetries(place: Place, made: { readonly isRecorded: boolean }, request: LaunchRequest): Promise<Launched> {
  const mask = maskOf(request.mask ?? NO_SECRETS);
  for (let tries = 1; ; tries++) {
    try {
      const launched = await place.executor.launch(request);
      return "refused" in launched ? { refused: maskedResult(launched.refused, mask) } : launched;
    } catch (error) {
      const why = mask.text(messageOf(error));
      place.context.logger.warn("a launch failed and will be tried again", { job: request.jobId, name: request.name, tries, error: why });
      if (place.closing) throw request.mask === undefined ? error : new WindlassError("executor_failed", why);
      if (made.isRecorded && hasCode(error, "conflict")) return { refused: GONE_BEFORE_RECORD };
      if (tries >= TRIES_MAX || hasCode(error, "conflict"))
        return { refused: { outcome: "failed", reason: "launch_failed", message: `it could not be started: ${why}` } };
    }
    await new Promise<void>(
      (resolve) => void place.context.clock.after(backoffDelay(BACKOFF, tries, place.context.random.next()), resolve),
    );
  }
}

/** What only the executor's memory may hold: the values, and the mask that keeps them out of all else. */
function secretsFor(
  { context }: Place,
  record: JobRecord,
  values: ReadonlyMap<string, string>,
): Pick<LaunchRequest, "mask" | "secretEnvironment"> {
  const mask = context.masks?.(record);
  if (values.size === 0) return mask === undefined ? {} : { mask };
  return {
    secretEnvironment: secretEnvironmentOf(record.spec, values),
    mask: { secrets: [...(mask?.secrets ?? []), ...values.values()], patterns: mask?.patterns ?? [] },
  };
}

/** The record with what changes after the attempts before. */
async function launchable({ context }: Place, { record, live }: ClaimedJob): Promise<JobRecord> {
  if (!changesOnRetry(record.spec)) return record;
  const before = live.attempt === 1 ? [] : await context.store.reads.attempts(record.id);
  const ended = before.filter(({ number }) => number < live.attempt).map(({ outcome }) => outcome);
  return { ...record, spec: specOfAttempt(record.spec, ended) };
}

/** The nearest job above it of another kind: between a step and its execution may be a loop, or the steps at the end. */
async function executionOf({ context }: Place, { kind, parentId, path }: JobRecord): Promise<string | null> {
  const above = path.split("/");
  if (parentId === null || above.length === 1) return parentId;
  const kinds = new Map((await context.store.jobs.records(above)).map((record) => [record.id, record.kind]));
  return above.findLast((id) => kinds.get(id) !== kind) ?? parentId;
}

interface Around {
  readonly traceparent: string | null;
  readonly executionId: string | null;
}

function requestFor(record: JobRecord, live: LiveJob, { traceparent, executionId }: Around): LaunchRequest {
  return {
    name: live.externalName ?? "",
    jobId: record.id,
    attempt: live.attempt,
    spec: withoutAliases(record.spec),
    environment: {
      WINDLASS_JOB: record.id,
      WINDLASS_JOB_NAME: record.name,
      WINDLASS_ATTEMPT: String(live.attempt),
      WINDLASS_WORKSPACE: record.workspace,
      WINDLASS_ROOT_JOB: record.rootId,
      // Under the usual name too: what runs may know it without knowing Windlass.
      ...(traceparent === null ? {} : { WINDLASS_TRACEPARENT: traceparent, TRACEPARENT: traceparent }),
    },
    about: { ...aboutOf(record), executionId },
    timeoutMs: record.timeoutMs,
    graceMs: DEFAULT_GRACE_MS,
  };
}

function aboutOf({ kind, name, parentId, childKey, workspace }: JobRecord): Omit<LaunchAbout, "executionId"> {
  return { kind, name, parentId, childKey, workspace };
}
