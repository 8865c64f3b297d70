/**
 * Plays an execution without an engine, for tests: makes the children that decisions ask for, ends leaves as the test
 * says, in an order that the test chooses, and hands the facts back in bundles of any size.
 */
import { PAYLOAD_LENGTH_MAX, type AdvanceInput, type ChildSpec, type Decision, type JobKind } from "@windlass/engine";
import {
  BugError,
  isJsonObject,
  OUTPUT_PASSED_ON_MAX,
  type ChildFact,
  type Fact,
  type Json,
  type JobRecord,
  type JsonObject,
  type LiveJob,
  type Result,
  type SignalFact,
  type Wait,
} from "@windlass/kernel";
import { stepKind } from "./step-kind.ts";
import { specOf, type Workflow } from "./workflow.ts";
import { workflowKind } from "./workflow-kind.ts";

export interface Play {
  /** One of the two: the workflow, or the specification of an execution. */
  readonly workflow?: Workflow;
  readonly spec?: JsonObject;
  readonly input?: JsonObject;
  /** How a job with an executor ends. */
  readonly endOf?: (child: ChildSpec) => Partial<Result>;
  /** Sent to the execution in this order, at moments that chance chooses. */
  readonly signals?: readonly SignalFact[];
  /** The key of a child that runs out of time just before it is told a signal. */
  readonly endBeforeTold?: string;
  /** Whoever is asked for an approval gives it. */
  readonly approve?: boolean;
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
  /** Every job that was made, by its key. */
  readonly children: ReadonlyMap<string, readonly ChildSpec[]>;
  /** How every job ended, in order. */
  readonly ends: readonly ChildFact[];
  /** Keys of the jobs whose outputs were not passed on and were read, in order. */
  readonly read: readonly string[];
  readonly cursor: ReadonlyMap<string, Json>;
  readonly decisions: readonly Decision[];
  /** The most leaves of one loop that were open at once, by the loop's name. */
  readonly peaks: ReadonlyMap<string, number>;
  readonly facts: readonly Fact[];
  /** What was waited for besides times. */
  readonly waits: readonly Wait[];
  /** The time at its end, in milliseconds. */
  readonly now: number;
}

interface Job {
  readonly id: string;
  readonly key: string;
  readonly child: ChildSpec | null;
  readonly parent: Job | null;
  readonly record: JobRecord;
  readonly cursor: Map<string, Json>;
  readonly inbox: Fact[];
  readonly open: Map<string, Job>;
  /** False: it may be told something before it starts. */
  begun: boolean;
  waitUntil: number | null;
  waitFor: Wait | null;
}

const nameOf = ({ metadata }: JsonObject): Json => (isJsonObject(metadata) ? (metadata["name"] ?? "") : "");
const kindOf = (child: ChildSpec | null): JobKind => (child?.kind === "workflow" ? workflowKind : stepKind);

const TURNS_MAX = 200_000;
let plays = 0;

export function play(options: Play): Played {
  return new Player(options).run();
}

class Player {
  readonly #options: Required<Omit<Play, "workflow">>;
  readonly #prefix = `job_${++plays}`;
  readonly #root: Job;
  readonly #composites = new Set<Job>();
  readonly #open = new Set<Job>();
  readonly #made = new Set<string>();
  readonly #leaves: ChildSpec[] = [];
  readonly #children = new Map<string, ChildSpec[]>();
  readonly #ends: ChildFact[] = [];
  readonly #large = new Map<string, { readonly key: string; readonly output: Json }>();
  readonly #read: string[] = [];
  readonly #steps = new Map<string, ChildFact>();
  readonly #decisions: Decision[] = [];
  readonly #peaks = new Map<string, number>();
  readonly #facts: Fact[] = [];
  readonly #waits: Wait[] = [];
  readonly #signals: SignalFact[];
  #now = 1_000;
  #ids = 0;

  constructor({ workflow, spec, input = {}, endOf = () => ({}), random = () => 0, ...more }: Play) {
    const { signals = [], endBeforeTold = "", approve = false } = more;
    this.#options = {
      spec: spec ?? (workflow === undefined ? {} : specOf(workflow)),
      input,
      endOf,
      random,
      signals,
      endBeforeTold,
      approve,
    };
    this.#signals = [...signals];
    this.#root = this.#job(null, null);
  }

  run(): Played {
    for (let turn = 0; turn < TURNS_MAX; turn++) {
      const woken = [...this.#composites].filter((job) => !job.begun || job.inbox.length > 0);
      const chosen = Math.floor(this.#options.random() * (woken.length + this.#open.size + this.#signals.length));
      const deciding = woken[chosen];
      const leaf = [...this.#open][chosen - woken.length];
      if (deciding?.begun === false) {
        deciding.begun = true;
        deciding.inbox.push({ type: "started" });
      } else if (deciding !== undefined) {
        const result = this.#decide(deciding);
        if (result !== null) return this.#played(result);
      } else if (this.#signals.length > 0 && (leaf?.child ?? null) === null) this.#root.inbox.push(...this.#signals.splice(0, 1));
      else if (leaf?.child === undefined || leaf.child === null) this.#letTimePass();
      else this.#end(leaf, { outcome: "succeeded", reason: "ok", message: null, ...this.#options.endOf(leaf.child) });
    }
    throw new BugError("the execution does not end");
  }

  #played(result: Result): Played {
    if (this.#root.open.size > 0 || this.#root.inbox.length > 0) throw new BugError("the execution ended with steps open");
    return {
      result,
      steps: this.#steps,
      made: [...this.#made],
      leaves: this.#leaves,
      children: this.#children,
      ends: this.#ends,
      read: this.#read,
      cursor: this.#root.cursor,
      decisions: this.#decisions,
      peaks: this.#peaks,
      facts: this.#facts,
      waits: this.#waits,
      now: this.#now,
    };
  }

  #job(parent: Job | null, child: ChildSpec | null): Job {
    const { spec, input } = this.#options;
    const id = `${this.#prefix}_${++this.#ids}`;
    const given = {
      id,
      name: child?.name ?? nameOf(spec),
      path: parent === null ? "" : parent.record.path === "" ? parent.id : `${parent.record.path}/${parent.id}`,
      spec: child?.spec ?? spec,
      input: child === null ? input : (child.input ?? null),
      createdAt: 0,
    };
    const job: Job = {
      id,
      key: child?.key ?? "",
      child,
      parent,
      record: given as unknown as JobRecord,
      cursor: new Map(),
      inbox: [],
      open: new Map(),
      begun: false,
      waitUntil: null,
      waitFor: null,
    };
    if (child === null || child.executor === "none") this.#composites.add(job);
    else {
      this.#leaves.push(child);
      this.#open.add(job);
    }
    return job;
  }

  #start(parent: Job, child: ChildSpec): void {
    const path = `${parent.record.path}/${parent.key}/${child.key}`;
    if (this.#made.has(path)) throw new BugError(`${path} was made twice`);
    this.#made.add(path);
    this.#children.set(child.key, [...(this.#children.get(child.key) ?? []), child]);
    const faults = kindOf(child).validate(child.spec, child.input ?? null);
    const length = Math.max(JSON.stringify(child.spec).length, JSON.stringify(child.input ?? null).length);
    if (length > PAYLOAD_LENGTH_MAX) throw new BugError(`${path} has ${length} characters`);
    if (faults.length > 0) throw new BugError(`${path}: ${JSON.stringify(faults)}`);
    parent.open.set(child.key, this.#job(parent, child));
    if (parent !== this.#root) this.#peaks.set(parent.key, Math.max(this.#peaks.get(parent.key) ?? 0, parent.open.size));
  }

  #decide(job: Job, all = false): Result | null {
    const seen = job.inbox.splice(0, all ? job.inbox.length : 1 + Math.floor(this.#options.random() * job.inbox.length));
    const isRoot = job === this.#root;
    const given: AdvanceInput = {
      record: job.record,
      live: { attempt: 1, openChildren: job.open.size } as LiveJob,
      cursor: job.cursor,
      facts: seen,
      now: this.#now,
      outputs: (refs) => refs.map(({ of }) => this.#outputOf(of)),
    };
    const decision = (isRoot ? workflowKind : kindOf(job.child)).advance?.(given);
    if (decision === undefined) throw new BugError("both kinds decide");
    // As the kernel: no end while there is a fact that was not seen (A3).
    if (decision.finish !== null && job.inbox.length > 0) {
      job.inbox.unshift(...seen);
      return this.#decide(job, true);
    }
    if (isRoot) {
      this.#facts.push(...seen);
      this.#decisions.push(decision);
    }
    for (const [key, value] of Object.entries(decision.cursor)) {
      if (value === null) job.cursor.delete(key);
      else job.cursor.set(key, value);
    }
    for (const child of decision.children) this.#start(job, child);
    for (const { key, reason, message } of decision.stops) {
      const target = job.open.get(key);
      if (target !== undefined && this.#open.has(target)) this.#end(target, { outcome: "cancelled", reason, message });
    }
    job.waitUntil = decision.waitUntil;
    job.waitFor = decision.waitFor ?? null;
    if (job.waitFor !== null) this.#waits.push(job.waitFor);
    if (decision.finish !== null && !isRoot) this.#end(job, decision.finish);
    // As the kernel: behind the end of the job, to which nothing comes back any more.
    for (const { key, fact } of decision.tells ?? []) if (key === null || decision.finish === null) this.#tell(job, key, fact);
    return isRoot ? decision.finish : null;
  }

  #outputOf(id: string): Json {
    const large = this.#large.get(id);
    if (large === undefined) throw new BugError(`${id} has no output that was not passed on`);
    this.#read.push(large.key);
    return large.output;
  }

  #tell(job: Job, key: string | null, fact: Fact): void {
    if (key === null) {
      job.parent?.inbox.push(fact);
      return;
    }
    const child = job.open.get(key);
    if (child !== undefined && key === this.#options.endBeforeTold)
      this.#end(child, { outcome: "failed_timeout", reason: "wait_timeout", message: "too late" });
    (job.open.get(key) ?? job).inbox.push(fact);
  }

  #end(job: Job, { outcome, reason, message, exitCode, output }: Result): void {
    if (job.open.size > 0) throw new BugError(`${job.key} ended with children open`);
    this.#open.delete(job);
    this.#composites.delete(job);
    const { length } = JSON.stringify(output ?? null);
    const isLarge = length > OUTPUT_PASSED_ON_MAX;
    if (isLarge) this.#large.set(job.id, { key: job.key, output: output ?? null });
    const fact: ChildFact = {
      type: "child",
      id: job.id,
      key: job.key,
      outcome,
      reason,
      message,
      exitCode: exitCode ?? null,
      output: isLarge ? null : (output ?? null),
      ...(isLarge ? { outputRef: { of: job.id, length } } : {}),
    };
    this.#ends.push(fact);
    job.parent?.open.delete(job.key);
    job.parent?.inbox.push(fact);
    if (job.parent === this.#root) this.#steps.set(job.key, fact);
  }

  /** Only when nothing else can happen. */
  #letTimePass(): void {
    const asked = this.#options.approve ? [...this.#composites].find(({ waitFor }) => waitFor?.for === "approval") : undefined;
    if (asked !== undefined) {
      this.#end(asked, { outcome: "succeeded", reason: "ok", message: null });
      return;
    }
    const [next] = [...this.#composites]
      .filter(({ waitUntil }) => waitUntil !== null)
      .toSorted((a, b) => (a.waitUntil ?? 0) - (b.waitUntil ?? 0));
    if (next?.waitUntil === undefined || next.waitUntil === null) throw new BugError("the execution is stuck");
    this.#now = Math.max(this.#now, next.waitUntil);
    next.inbox.push({ type: "time" });
  }
}
