import fc from "fast-check";
import { jobRecord, settleOf, T0 } from "@windlass/testkit";
import { describe, expect, test } from "vitest";
import { applyChanges } from "./apply.ts";
import type { Change } from "./change.ts";
import { minutes, ms } from "./duration.ts";
import type { Step } from "./ending.ts";
import type { JobRecord, LiveJob, Result } from "./job.ts";
import { isLegal } from "./lifecycle.ts";
import { failureOutcomes } from "./outcome.ts";
import { claimed, LAUNCH_SLACK_MS, startDeadlineOf, timerOf, transition, type OwnChange } from "./transition.ts";
import { WorkingSet } from "./working-set.ts";

const CLAIM = { session: "ses_1", place: "host-1" };

/** A job as it is right after its submission. */
function submitted(given: Partial<JobRecord> = {}): LiveJob {
  const set = new WorkingSet({ live: [], ended: [], children: [], idempotent: [] }, T0);
  const record = jobRecord(given);
  applyChanges(set, [{ type: "submit", job: record }], T0);
  const live = set.get(record.id);
  if (live === undefined) throw new Error("the job was not made");
  return live;
}

function stepOf(live: LiveJob, change: OwnChange, now = T0): Step {
  const step = transition(live, change, now);
  if ("refused" in step) throw new Error(`refused: ${step.refused.why}`);
  return step;
}

function nextOf(live: LiveJob, change: OwnChange, now = T0): LiveJob {
  const { next } = stepOf(live, change, now);
  if (next === null) throw new Error("the job ended");
  return next;
}

function start(live: LiveJob, now = T0): LiveJob {
  return claimed(live, CLAIM, now).next as LiveJob;
}

const held = (live: LiveJob) => ({ id: live.id, token: live.token });
const stopFor = (live: LiveJob, reason: "cancelled" | "failed_timeout" = "cancelled"): OwnChange => ({
  type: "stop",
  id: live.id,
  stopFor: reason,
  reason: reason === "cancelled" ? "cancel_requested" : "handler_timeout",
  message: "enough",
  by: "ada",
  graceMs: 10,
});

/** One thing that somebody may propose, as choices; `changeFor` makes it of the job that there is by then. */
const proposals = fc.record({
  what: fc.constantFrom(
    "claim",
    "claim",
    "claim",
    "due",
    "due",
    "expire",
    "stop",
    "settle",
    "made",
    "launched",
    "adopt",
    "progress",
    "release",
    "defer",
    "expect",
    "wait",
    "wait",
    "resume",
    "resume",
    "lose",
  ),
  by: fc.constantFrom("holder", "executor", "completion"),
  off: fc.constantFrom(0, 0, 0, 0, -1, 1),
  // What never began may only expire by `expire`, and be skipped by its parent; an attempt has no such outcome.
  outcome: fc.constantFrom("succeeded" as const, "cancelled" as const, ...failureOutcomes),
  reason: fc.constantFrom("ok" as const, "exit_code" as const, "failed_for_good" as const, "host_lost" as const),
  timeout: fc.boolean(),
  wait: fc.option(fc.nat({ max: 5_000 })),
  later: fc.constantFrom(0, 1, 500, 2_000, 60_000),
});
type Proposal = typeof proposals extends fc.Arbitrary<infer T> ? T : never;

const retries = fc.option(
  fc.record({
    limit: fc.nat({ max: 3 }),
    on: fc.subarray(failureOutcomes),
    backoff: fc.constant({ initial: ms(100), factor: 2, max: minutes(1), jitter: 0.2 }),
  }),
);
const records = fc
  .record({
    executor: fc.constantFrom("handler" as const, "handler" as const, "process" as const, "none" as const),
    retry: retries,
    timeoutMs: fc.constantFrom(null, 1_000),
    notBefore: fc.constantFrom(null, T0 + 1_000),
    startDeadline: fc.constantFrom(null, T0 + 1_500),
    concurrency: fc.constantFrom(null, { key: "db", limit: 1 }),
  })
  .map((given) => submitted(given));

function changeFor(
  live: LiveJob,
  { what, by, off, outcome, reason, timeout, wait }: Exclude<Proposal, { what: "claim" }>,
  now: number,
): OwnChange {
  const { id } = live;
  const own = { id, token: live.token + off };
  switch (what) {
    case "due":
    case "expire":
      return { type: what, id };
    case "stop":
      return stopFor(live, timeout ? "failed_timeout" : "cancelled");
    case "made":
    case "launched":
      return { type: what, ...own, ref: "pid-1" };
    case "adopt":
      return { type: what, ...own, session: "ses_2" };
    case "progress":
      return { type: what, ...own, progress: { fraction: 0.5, text: null } };
    case "release":
      return { type: what, ...own };
    case "defer":
      return { type: what, ...own, until: now + 1_000, reason: "deferred" };
    case "expect":
      return { type: what, ...own, tokenHash: "hash" };
    case "wait":
      return { type: what, ...own, wait: { for: "completion", tokenHash: "hash" }, until: wait === null ? null : now + wait };
    case "lose":
      return { type: what, ...own, reason: timeout ? "host_lost" : "worker_lost", message: "gone", random: 0 };
    case "resume":
      return { type: what, id };
    default: {
      const who = {
        holder: { type: "holder", token: live.token + off },
        executor: { type: "executor", name: live.externalName ?? "nobody", ref: off === 0 ? null : "pid-9" },
        completion: { type: "completion", tokenHash: off === 0 ? "hash" : "other" },
      } as const;
      const result: Result = { outcome, reason, message: null };
      return {
        type: "settle",
        id,
        attempt: live.attempt + (by === "holder" ? 0 : off),
        by: who[by],
        result,
        stopped: timeout,
        random: 0.5,
      };
    }
  }
}

/** An attempt that counts is alive, so a key that the job needs is held. */
const holdsKey = (live: LiveJob): boolean =>
  live.state === "running" || live.state === "waiting" || live.state === "stopping" || live.resumed;

/** Throws unless the step from `live` by `change` keeps the rules T1 to T5. */
function checkStep(live: LiveJob, change: OwnChange, step: Step): void {
  const to = step.next?.state ?? step.final?.state;
  expect(to === live.state || (step.via !== null && to !== undefined && isLegal(live.state, step.via, to)), `${live.state} → ${to}`).toBe(
    true,
  );
  expect((step.next === null) !== (step.final === null)).toBe(true);
  if ("token" in change) expect(change.token).toBe(live.token);
  if (change.type === "expire") expect(live.attempt).toBe(0);
  if (live.state === "stopping" && to !== "stopping") expect(["settle", "lose"]).toContain(change.type);
  expect(step.releasesKey).toBe(step.next === null || (holdsKey(live) && !holdsKey(step.next)));
  if (step.next === null) return;
  const counted = step.next.attempt - live.attempt;
  expect(counted === 0 || (counted === -1 && (change.type === "release" || change.type === "defer"))).toBe(true);
  expect(step.next.token - live.token).toBe(change.type === "adopt" ? 1 : 0);
}

/** Whoever holds the attempt of a stopping job can always end it. */
function checkStoppable(live: LiveJob, now: number): void {
  if (live.state !== "stopping" || live.holder === "none") return;
  const bySelf = settleOf(live, { outcome: "cancelled", reason: "cancel_requested", message: null });
  const change: OwnChange =
    live.holder === "lease" ? bySelf : { ...bySelf, by: { type: "executor", name: live.externalName ?? "", ref: live.externalRef } };
  expect(transition(live, change, now)).not.toHaveProperty("refused");
}

describe("whatever is proposed about a job", () => {
  test("keeps the life cycle, counts each attempt once, and frees a key exactly when its attempt ends", () => {
    fc.assert(
      fc.property(records, fc.array(proposals, { maxLength: 40 }), (first, path) => {
        let live: LiveJob = Object.freeze(first);
        let now = T0;
        const ended: number[] = [];
        for (const proposal of path) {
          now += proposal.later;
          if (proposal.what === "claim") {
            if (live.state !== "queued" || live.blocked) continue;
            const { next } = claimed(live, CLAIM, now);
            expect([next?.token, next?.attempt]).toEqual([live.token + 1, live.attempt + (live.resumed ? 0 : 1)]);
            live = Object.freeze(next as LiveJob);
            continue;
          }
          const change = Object.freeze(changeFor(live, proposal, now));
          const step = transition(live, change, now);
          if ("refused" in step) continue;
          checkStep(live, change, step);
          if (step.attempt !== null) ended.push(step.attempt.number);
          if (step.final !== null) {
            // Each attempt that counts was kept, once, in order.
            expect(ended).toEqual(Array.from({ length: step.final.attempts }, (_, i) => i + 1));
            return;
          }
          live = Object.freeze(step.next as LiveJob);
          checkStoppable(live, now);
          expect(startDeadlineOf(live)).toBe(live.attempt === 0 ? live.startDeadline : null);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("is refused when it carries the token of an earlier claim", () => {
    fc.assert(
      fc.property(records, proposals, fc.constantFrom(-1, 1), (first, proposal, off) => {
        if (proposal.what === "claim" || first.state !== "queued") return;
        const live = start(first);
        const change = changeFor(live, { ...proposal, by: "holder", off }, T0);
        if (!("token" in change) && change.type !== "settle") return;
        expect(transition(live, change, T0)).toMatchObject({ refused: { code: "token_stale" } });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe("the end of an attempt", () => {
  test("is accepted once: the second settle of the same attempt is stale, also after a retry began", () => {
    const live = start(submitted({ retry: { limit: 1, on: ["failed"], backoff: { initial: ms(1), factor: 1, max: ms(1), jitter: 0 } } }));
    const settle = settleOf(live, { outcome: "failed", reason: "error", message: null });
    const again = nextOf(live, settle);
    expect(again).toMatchObject({ state: "scheduled", dueReason: "back_off", attempt: 1 });
    expect(transition(again, settle, T0)).toMatchObject({ refused: { code: "token_stale" } });
    const second = start(nextOf(again, { type: "due", id: live.id }, T0 + 1));
    expect(second).toMatchObject({ attempt: 2, token: 2 });
    expect(transition(second, settle, T0 + 2)).toMatchObject({ refused: { code: "token_stale" } });
    expect(transition(second, { ...settleOf(second), attempt: 1 }, T0 + 2)).toMatchObject({ refused: { code: "token_stale" } });
    expect(stepOf(second, settleOf(second), T0 + 2).final).toMatchObject({ state: "succeeded", attempts: 2 });
  });

  test("may be told from outside before the launch was recorded, but not under another name or reference", () => {
    const live = start(submitted({ executor: "process" }));
    const told = (name: string | null, ref: string | null): OwnChange => ({
      ...settleOf(live),
      by: { type: "executor", name: name ?? "", ref },
    });
    expect(stepOf(live, told(live.externalName, "pid-1")).final?.state).toBe("succeeded");
    expect(transition(live, told("windlass-other", "pid-1"), T0)).toMatchObject({ refused: { code: "token_stale" } });
    const launched = nextOf(live, { type: "launched", ...held(live), ref: "pid-1" });
    expect(transition(launched, told(live.externalName, "pid-2"), T0)).toMatchObject({ refused: { code: "token_stale" } });
    expect(stepOf(launched, told(live.externalName, "pid-1")).final?.outcome).toBe("succeeded");
  });

  test("what goes on outside is not lost with its launcher, only with its host", () => {
    const live = nextOf(start(submitted({ executor: "process" })), { type: "launched", id: "", token: 1, ref: "pid-1" });
    const lose = (reason: "worker_lost" | "host_lost"): OwnChange => ({ type: "lose", ...held(live), reason, message: "gone", random: 0 });
    expect(transition(live, lose("worker_lost"), T0)).toHaveProperty("refused");
    expect(nextOf(live, lose("host_lost"))).toMatchObject({ state: "scheduled", dueReason: "back_off" });
  });

  test("what our stop ended has the outcome that the stop was for; what succeeded first stays succeeded", () => {
    const stopping = nextOf(start(submitted({})), stopFor(start(submitted({})), "failed_timeout"));
    const killed: Result = { outcome: "failed", reason: "signal", message: null, signal: "SIGTERM" };
    expect(stepOf(stopping, { ...settleOf(stopping, killed), stopped: true }).final).toMatchObject({
      state: "failed",
      outcome: "failed_timeout",
      reason: "handler_timeout",
    });
    expect(stepOf(stopping, settleOf(stopping, killed)).final).toMatchObject({ outcome: "failed", reason: "signal" });
    expect(stepOf(stopping, { ...settleOf(stopping), stopped: true }).final).toMatchObject({ state: "succeeded" });
  });

  test("a parked attempt that took too long is retried like any other, when the policy says so", () => {
    const retry = { limit: 1, on: ["failed_timeout"], backoff: { initial: ms(7), factor: 1, max: ms(7), jitter: 0 } } as const;
    const running = start(submitted({ retry }));
    const parked = nextOf(running, { type: "wait", ...held(running), wait: { for: "completion", tokenHash: "h" }, until: T0 + 100 });
    for (const change of [{ type: "due", id: parked.id }, stopFor(parked, "failed_timeout")] as const) {
      expect(nextOf(parked, change, T0 + 100)).toMatchObject({ state: "scheduled", dueAt: T0 + 107, dueReason: "back_off" });
    }
  });
});

describe("an attempt that is given back", () => {
  test("does not count, and the next claim has the same number with a new token", () => {
    const live = start(submitted({}));
    const back = nextOf(live, { type: "release", ...held(live) });
    expect(back).toMatchObject({ state: "queued", attempt: 0, token: 1, session: null });
    expect(start(back)).toMatchObject({ attempt: 1, token: 2 });
    expect(nextOf(live, { type: "defer", ...held(live), until: T0 + 9, reason: "deferred" })).toMatchObject({
      state: "scheduled",
      dueAt: T0 + 9,
      attempt: 0,
    });
  });

  test("when it had been resumed, it stays the attempt that it was, and is kept when the job ends", () => {
    const running = start(submitted({ concurrency: { key: "db", limit: 1 } }));
    const parked = nextOf(running, { type: "wait", ...held(running), wait: { for: "completion", tokenHash: "h" }, until: null });
    const again = start(nextOf(parked, { type: "resume", id: parked.id }));
    expect(again).toMatchObject({ attempt: 1, token: 2 });
    const step = stepOf(again, { type: "defer", ...held(again), until: T0 + 9, reason: "deferred" });
    expect(step).toMatchObject({ releasesKey: false, next: { state: "scheduled", attempt: 1, resumed: true } });
    const end = stepOf(step.next as LiveJob, stopFor(again));
    expect(end).toMatchObject({
      final: { state: "cancelled", attempts: 1 },
      attempt: { number: 1, outcome: "cancelled" },
      releasesKey: true,
    });
  });
});

describe("time", () => {
  test("a job that was never started expires at its start deadline; one that was started does not", () => {
    const live = submitted({ startDeadline: T0 + 10 });
    expect(timerOf(live)).toBe(T0 + 10);
    expect(transition(live, { type: "expire", id: live.id }, T0 + 9)).toHaveProperty("refused");
    expect(stepOf(live, { type: "expire", id: live.id }, T0 + 10).final).toMatchObject({
      state: "expired",
      reason: "start_deadline",
      attempts: 0,
    });
    const failed = nextOf(start(live), { type: "lose", id: live.id, token: 1, reason: "worker_lost", message: "gone", random: 0 });
    expect(failed.state).toBe("scheduled");
    expect(transition(failed, { type: "expire", id: live.id }, T0 + 99)).toHaveProperty("refused");
  });

  test("the engine's own time limit for what runs outside leaves the executor a little longer", () => {
    const live = start(submitted({ executor: "process", timeoutMs: 1_000 }), T0);
    expect(live.deadlineAt).toBeNull();
    const launched: Change = { type: "launched", ...held(live), ref: "pid-1" };
    expect(nextOf(live, launched, T0 + 50).deadlineAt).toBe(T0 + 1_050 + LAUNCH_SLACK_MS);
    expect(start(submitted({ timeoutMs: 1_000 })).deadlineAt).toBe(T0 + 1_000);
  });

  test("a time limit of an attempt that has ended stops nothing", () => {
    const live = start(submitted({}));
    expect(transition(live, { ...stopFor(live, "failed_timeout"), attempt: 0 } as OwnChange, T0)).toMatchObject({
      refused: { code: "token_stale" },
    });
  });

  test("a job that is told to stop twice keeps the first reason", () => {
    const stopping = nextOf(start(submitted({})), stopFor(submitted({})));
    expect(stepOf(stopping, { ...stopFor(stopping), by: "eve" } as OwnChange)).toMatchObject({ next: stopping, events: [] });
  });
});

describe("what is told of an attempt that goes on outside", () => {
  const outside = (): LiveJob => start(submitted({ executor: "kubernetes" }));
  const observe = (live: LiveJob, more: object = {}, name = live.externalName ?? ""): OwnChange => ({
    type: "observe",
    id: live.id,
    attempt: live.attempt,
    by: { type: "executor", name, ref: null },
    observed: { state: "pending", reason: "unschedulable", message: "no node", ...more },
  });

  test("is kept, with an event for each state and reason, and since when they are these", () => {
    const live = outside();
    const first = stepOf(live, observe(live), T0 + 1);
    expect("refused" in transition(live, observe(live, {}, "other"), T0)).toBe(true);
    const seen = nextOf(live, observe(live), T0 + 1);
    expect(seen.observed).toMatchObject({ state: "pending", since: T0 + 1, event: live.eventSeq + 1 });
    expect(first.events).toMatchObject([{ type: "job.observed", data: { state: "pending", reason: "unschedulable" } }]);
    expect(stepOf(seen, observe(seen), T0 + 2)).toMatchObject({ next: seen, events: [] });
    const news = stepOf(seen, observe(seen, { message: "still none", node: "n1" }), T0 + 3);
    expect(news.events).toEqual([]);
    expect(news.next?.observed).toMatchObject({ message: "still none", node: "n1", since: T0 + 1, event: live.eventSeq + 1 });
    const runs = stepOf(seen, observe(seen, { state: "running", reason: null }), T0 + 4);
    expect(runs.next?.observed?.since).toBe(T0 + 4);
    expect(runs.events).toHaveLength(1);
  });

  test("is part of the evidence once the attempt has ended, and gone for the next one", () => {
    const live = outside();
    const seen = nextOf(live, observe(live), T0 + 1);
    const by = { type: "executor", name: live.externalName ?? "", ref: null } as const;
    const result: Result = { outcome: "failed_oom", reason: "memory_limit", message: null, evidence: { container: "main" } };
    const change = { type: "settle", id: live.id, attempt: 1, by, result, stopped: false, told: "failed_oom", random: 0 } as const;
    const ended = stepOf(seen, change, T0 + 5);
    const toldEvent = seen.eventSeq + 1;
    const told = { toldState: "failed_oom", toldEvent };
    expect(ended.attempt?.evidence).toMatchObject({ container: "main", observed: { reason: "unschedulable" }, ...told });
    expect(ended.events[0]?.data).toMatchObject({ status: "failed_oom", meta: { terminal_state: "failed_oom" } });
    const retry = { limit: 1, on: ["failed_oom"], backoff: { initial: ms(1), factor: 1, max: ms(1), jitter: 0 } } as never;
    expect(nextOf({ ...seen, retry }, change, T0 + 5).observed).toBeNull();
  });
});
