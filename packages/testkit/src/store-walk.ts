/**
 * Random walks on a store: the same changes go through the store and through the kernel on a model in memory, and what
 * each job is must agree after every step. The model has no table, no lock and no transaction: only the kernel.
 */
import fc from "fast-check";
import {
  applyChanges,
  canonicalJson,
  childKeyOf,
  idempotencyKeyOf,
  WorkingSet,
  type Change,
  type ChangeResult,
  type FinalState,
  type JobRecord,
  type Json,
  type LiveJob,
} from "@windlass/kernel";
import type { Store } from "@windlass/ports";
import { advanceOf, childRecord, compositeRecord, failed, jobRecord, nextJobId, settleOf, succeeded, T0 } from "./factories.ts";

/** One step of a walk: what to do, and to which of the jobs so far. */
export interface WalkStep {
  readonly act: (typeof ACTS)[number];
  readonly pick: number;
  readonly more: number;
}

const ACTS = [
  "submit",
  "submit_keyed",
  "submit_composite",
  "submit_child",
  "claim",
  "claim",
  "claim_composite",
  "claim_outside",
  "settle",
  "settle",
  "fail",
  "progress",
  "observe",
  "release",
  "defer",
  "wait",
  "resume",
  "due",
  "stop",
  "lose",
  "expire",
  "move",
  "advance",
  "advance",
  "finish",
  "stale",
] as const;

/** A walk: a list of steps in batches, as fast-check makes and shrinks them. */
export const storeWalk: fc.Arbitrary<WalkStep[][]> = fc.array(
  fc.array(fc.record({ act: fc.constantFrom(...ACTS), pick: fc.nat(30), more: fc.nat(5) }), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 25 },
);

/** The jobs that the kernel comes to when nothing is between it and them. */
class Model {
  /** Keeps the idempotency keys of one walk apart from those of others on the same store. */
  readonly name = nextJobId();
  readonly records = new Map<string, JobRecord>();
  readonly live = new Map<string, LiveJob>();
  readonly ended = new Map<string, FinalState>();
  readonly children = new Map<string, string>();
  readonly idempotent = new Map<string, { readonly id: string; readonly requestHash: string | null }>();

  apply(changes: readonly Change[], now: number): ChangeResult[] {
    const set = new WorkingSet(
      { live: this.live.values(), ended: this.ended.keys(), children: this.children, idempotent: this.idempotent },
      now,
    );
    const results = applyChanges(set, changes, now);
    for (const job of set.writes.inserted) {
      this.records.set(job.id, job);
      if (job.parentId !== null) this.children.set(childKeyOf(job.parentId, job.childKey ?? job.id), job.id);
      if (job.idempotencyKey !== null)
        this.idempotent.set(idempotencyKeyOf(job.workspace, job.idempotencyKey), { id: job.id, requestHash: job.requestHash });
    }
    for (const [id, queue] of set.writes.moved) {
      const record = this.records.get(id);
      if (record !== undefined) this.records.set(id, { ...record, queue });
    }
    for (const live of set.writes.live.values()) this.live.set(live.id, live);
    for (const [id, { final }] of set.writes.ended) {
      this.live.delete(id);
      this.ended.set(id, final);
    }
    return results;
  }
}

/** What became of a walk, with ids replaced by the order in which they were made: the same on every store. */
export type WalkEnd = readonly unknown[];

/** Walks; throws when the store and the model disagree, or events have a gap. */
export async function walkStore(store: Store, walk: readonly (readonly WalkStep[])[]): Promise<WalkEnd> {
  const model = new Model();
  let now = T0;
  for (const steps of walk) {
    now += 400;
    const claims = steps.filter((step) => step.act.startsWith("claim"));
    const changes = steps.flatMap((step) => changeOf(model, step, now));
    if (changes.length > 0) {
      const expected = model.apply(changes, now);
      const { results } = await store.jobs.commit(changes, now);
      same(results, expected, `results of ${JSON.stringify(changes)}`);
    }
    for (const step of claims) await claimInto(store, model, { step, now });
  }
  return compare(store, model);
}

/** The store chooses whom to claim; the model takes over what it chose. That choice has tests of its own. */
async function claimInto(store: Store, model: Model, { step, now }: { readonly step: WalkStep; readonly now: number }): Promise<void> {
  const outside = step.act === "claim_outside";
  const executor = outside ? "kubernetes" : step.act === "claim" ? "handler" : "none";
  const place = outside ? "cluster-1" : null;
  const { jobs } = await store.jobs.claim({ executor, session: "ses_1", place, limit: 1 + (step.more % 3), now });
  for (const job of jobs) {
    same(job.record, model.records.get(job.record.id), "the record of a claimed job");
    model.live.set(job.live.id, job.live);
  }
}

async function compare(store: Store, model: Model): Promise<WalkEnd> {
  const ends: unknown[] = [];
  const names = new Map([...model.records.keys()].map((id, index) => [id, `#${index}`]));
  for (const [id, record] of model.records) {
    const view = await store.reads.get(id);
    same(view?.record, record, `the record of ${id}`);
    same(view?.live ?? null, model.live.get(id) ?? null, `the live row of ${id}`);
    same(view?.final ?? null, model.ended.get(id) ?? null, `the end of ${id}`);
    const events = await store.reads.events(id, 0, 1_000);
    same(
      events.map((event) => event.seq),
      events.map((_, index) => index + 1),
      `the numbers of the events of ${id}`,
    );
    if (view?.live) same(view.live.eventSeq, events.length, `the last number of ${id}`);
    const attempts = await store.reads.attempts(id);
    ends.push([view?.live ?? view?.final, events, attempts]);
  }
  const live = (await store.jobs.live({}, 10_000)).map((job) => job.id).filter((id) => model.records.has(id));
  same(live, [...model.live.keys()].toSorted(), "the live jobs");
  let text = canonicalJson(JSON.parse(JSON.stringify(ends)) as Json);
  // Names of attempts outside hold the id without its prefix.
  for (const [id, name] of names) text = text.replaceAll(id, name).replaceAll(id.slice(id.indexOf("_") + 1), name);
  return JSON.parse(text) as WalkEnd;
}

function changeOf(model: Model, step: WalkStep, now: number): Change[] {
  const live = choose([...model.live.values()], step.pick);
  switch (step.act) {
    case "submit":
      return [
        {
          type: "submit",
          job: jobRecord({
            queue: `q${step.more % 2}`,
            priority: step.more,
            executor: step.more > 2 ? "kubernetes" : "handler",
            fairnessKey: ["", "a", "b"][step.pick % 3] ?? "",
            ...(step.more === 5 ? { notBefore: now + 500, startDeadline: now + 1_500 } : {}),
            retry: RETRY,
          }),
        },
      ];
    case "submit_keyed":
      return [{ type: "submit", job: jobRecord({ idempotencyKey: `${model.name} ${step.more % 3}`, requestHash: `h${step.pick % 2}` }) }];
    case "submit_composite":
      return [{ type: "submit", job: compositeRecord() }];
    case "claim":
    case "claim_composite":
    case "claim_outside":
      return [];
    default:
      return live === undefined ? [] : changeTo(live, step, now);
  }
}

function changeTo(live: LiveJob, step: WalkStep, now: number): Change[] {
  const held = { id: live.id, token: live.token };
  const child = (): JobRecord => childRecord(live, `c${step.more}`, { retry: RETRY, executor: step.more === 0 ? "none" : "handler" });
  const decision = live.executor === "none" && live.state !== "scheduled" && live.state !== "queued";
  switch (step.act) {
    case "submit_child":
      return live.executor === "none" ? [{ type: "submit", job: child() }] : [];
    case "settle":
      return [settleOf(live, { ...succeeded, output: { n: step.more } })];
    case "fail":
      return [{ ...settleOf(live, failed), stopped: live.state === "stopping", random: step.more / 6 }];
    case "progress":
      return [{ type: "progress", ...held, progress: { fraction: step.more / 5, text: null } }];
    case "observe": {
      const observed = {
        state: step.more % 2 === 0 ? "pending" : "running",
        reason: null,
        message: `m${step.pick % 2}`,
        node: "n1",
      } as const;
      const by = { type: "executor", name: live.externalName ?? "", ref: null } as const;
      return [{ type: "observe", id: live.id, attempt: live.attempt, by, observed }];
    }
    case "release":
      return [{ type: "release", ...held }];
    case "defer":
      return [{ type: "defer", ...held, until: now + 300 * step.more, reason: "deferred" }];
    case "wait":
      return [{ type: "wait", ...held, wait: { for: "completion", tokenHash: "h" }, until: now + 700 }];
    case "resume":
      return [{ type: "resume", id: live.id }];
    case "due":
      return [{ type: "due", id: live.id }];
    case "stop":
      return [
        {
          type: "stop",
          id: live.id,
          stopFor: step.more < 4 ? "cancelled" : "failed_timeout",
          reason: "cancel_requested",
          message: null,
          by: "walk",
          graceMs: 10,
        },
      ];
    case "lose":
      return [{ type: "lose", ...held, reason: "worker_lost", message: "gone", random: 0.5 }];
    case "expire":
      return [{ type: "expire", id: live.id }];
    case "move":
      return [{ type: "move", id: live.id, from: `q${step.pick % 2}`, to: `q${step.more % 2}`, by: "walk" }];
    case "advance":
      return decision
        ? [
            advanceOf(live, {
              children: [child()],
              cursor: { [`e${step.more}`]: step.pick === 0 ? null : step.pick },
              stops: [{ id: `${live.id}x`, reason: "fail_fast", message: null }],
              waitUntil: step.more === 3 ? now + 400 : null,
            }),
          ]
        : [];
    case "finish":
      return decision ? [advanceOf(live, { finish: succeeded })] : [];
    default:
      return [{ ...settleOf(live), by: { type: "holder", token: live.token - 1 } }];
  }
}

const RETRY = {
  limit: 2,
  on: ["failed", "failed_node_lost"],
  backoff: { initial: 500, factor: 2, max: 2_000, jitter: 0.5 },
} as unknown as NonNullable<JobRecord["retry"]>;

function choose<T>(all: readonly T[], pick: number): T | undefined {
  return all.length === 0 ? undefined : all[pick % all.length];
}

function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [actual, expected].map((value) => canonicalJson(JSON.parse(JSON.stringify(value ?? null)) as Json));
  if (a !== b) throw new Error(`${what} differ:\n  store: ${a}\n  model: ${b}`);
}
