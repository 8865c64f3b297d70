/**
 * Plays an execution without an engine, for tests: makes the children that decisions ask for, ends leaves as the test
 * says, in an order that the test chooses, and hands the facts back in bundles of any size.
 */
import type { AdvanceInput, ChildSpec, Decision } from "@windlass/engine";
import { BugError, type ChildFact, type Fact, type Json, type JsonObject, type JobRecord, type LiveJob, type Result } from "@windlass/kernel";
import { stepKind } from "./step-kind.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

export interface Play {
  readonly workflow: Workflow;
  readonly input?: JsonObject;
  /** How a job with an executor ends. */
  readonly endOf?: (child: ChildSpec) => Partial<Result>;
  /** In [0, 1): which of the open things happens next, and how many facts one decision sees. */
  readonly random?: () => number;
}

export interface Played {
  readonly result: Result;
  /** Direct children of the execution, by key. */
  readonly steps: ReadonlyMap<string, ChildFact>;
  /** Keys of all jobs in the order in which they were made, the leaves' in `leaves`. */
  readonly made: readonly string[];
  readonly leaves: readonly ChildSpec[];
  readonly cursor: ReadonlyMap<string, Json>;
  readonly decisions: readonly Decision[];
  /** The most leaves of one loop that were open at once, by the loop's name. */
  readonly peaks: ReadonlyMap<string, number>;
  readonly facts: readonly Fact[];
}

interface Job {
  readonly id: string;
  readonly key: string;
  readonly child: ChildSpec | null;
  readonly parent: Job | null;
  readonly record: JobRecord;
  readonly cursor: Map<string, Json>;
  inbox: Fact[];
  open: Map<string, Job>;
  waitUntil: number | null;
}

const STEPS_MAX = 200_000;
let plays = 0;

export function play({ workflow, input = {}, endOf = () => ({}), random = () => 0 }: Play): Played {
  let now = 1_000;
  let ids = 0;
  const prefix = `job_${++plays}`;
  const made: string[] = [];
  const leaves: ChildSpec[] = [];
  const steps = new Map<string, ChildFact>();
  const decisions: Decision[] = [];
  const peaks = new Map<string, number>();
  const facts: Fact[] = [];
  const recordOf = (id: string, spec: JsonObject, given: Json): JobRecord => ({ id, name: workflow.metadata.name, spec, input: given, createdAt: 0, path: "" }) as unknown as JobRecord;
  const job = (parent: Job | null, child: ChildSpec | null, record: JobRecord): Job => ({ id: record.id, key: child?.key ?? "", child, parent, record, cursor: new Map(), inbox: [], open: new Map(), waitUntil: null });
  const root = job(null, null, recordOf(prefix, specOf(workflow), input));
  root.inbox.push({ type: "started" });
  const composites = new Set<Job>([root]);
  const open = new Set<Job>();

  const end = (ended: Job, result: Result): void => {
    if (ended.open.size > 0) throw new BugError(`${ended.key} ended with children open`);
    open.delete(ended);
    composites.delete(ended);
    const { parent } = ended;
    if (parent === null) return;
    parent.open.delete(ended.key);
    const fact: ChildFact = { type: "child", id: ended.id, key: ended.key, outcome: result.outcome, reason: result.reason, message: result.message, exitCode: result.exitCode ?? null, output: result.output ?? null };
    parent.inbox.push(fact);
    if (parent === root) steps.set(ended.key, fact);
  };

  const start = (parent: Job, child: ChildSpec): void => {
    const path = `${parent.key}/${child.key}`;
    if (made.includes(path) && made.length < 2_000) throw new BugError(`${path} was made twice`);
    if (parent.open.has(child.key) || parent.cursor.get(child.key) !== undefined && steps.has(child.key) && parent === root) throw new BugError(`${path} was made twice`);
    const faults = stepKind.validate(child.spec, child.input ?? null);
    if (faults.length > 0) throw new BugError(`${path}: ${JSON.stringify(faults)}`);
    made.push(path);
    const one = job(parent, child, recordOf(`${prefix}_${++ids}`, child.spec, child.input ?? null));
    parent.open.set(child.key, one);
    if (child.executor === "none") {
      one.inbox.push({ type: "started" });
      composites.add(one);
    } else {
      leaves.push(child);
      open.add(one);
    }
    if (parent !== root) peaks.set(parent.key, Math.max(peaks.get(parent.key) ?? 0, parent.open.size));
  };

  const decide = (one: Job): Result | null => {
    const count = 1 + Math.floor(random() * one.inbox.length);
    const seen = one.inbox.slice(0, count);
    one.inbox = one.inbox.slice(count);
    if (one === root) facts.push(...seen);
    const kind = one === root ? workflowKind : stepKind;
    const given: AdvanceInput = { record: one.record, live: { attempt: 1 } as LiveJob, cursor: one.cursor, facts: seen, now };
    const decision = kind.advance?.(given);
    if (decision === undefined) throw new BugError("it advances");
    if (one === root) decisions.push(decision);
    for (const [key, value] of Object.entries(decision.cursor)) one.cursor.set(key, value);
    for (const child of decision.children) start(one, child);
    for (const { key, reason, message } of decision.stops) {
      const target = one.open.get(key);
      if (target !== undefined && open.has(target)) end(target, { outcome: "cancelled", reason, message });
    }
    one.waitUntil = decision.waitUntil;
    if (decision.finish !== null && one !== root) end(one, decision.finish);
    return one === root ? decision.finish : null;
  };

  for (let turn = 0; turn < STEPS_MAX; turn++) {
    const woken = [...composites].filter((one) => one.inbox.length > 0);
    const choices = woken.length + open.size;
    if (choices === 0) {
      const waiting = [...composites].filter((one) => one.waitUntil !== null).toSorted((a, b) => (a.waitUntil ?? 0) - (b.waitUntil ?? 0))[0];
      if (waiting === undefined) throw new BugError("the execution is stuck");
      now = waiting.waitUntil ?? now;
      waiting.inbox.push({ type: "time" });
      continue;
    }
    const chosen = Math.floor(random() * choices);
    const deciding = woken[chosen];
    if (deciding === undefined) {
      const leaf = [...open][chosen - woken.length];
      if (leaf?.child != null) end(leaf, { outcome: "succeeded", reason: "ok", message: null, ...endOf(leaf.child) });
      continue;
    }
    const result = decide(deciding);
    if (result !== null) {
      if (root.open.size > 0 || root.inbox.length > 0) throw new BugError("the execution ended with steps open");
      return { result, steps, made, leaves, cursor: root.cursor, decisions, peaks, facts };
    }
  }
  throw new BugError("the execution does not end");
}
