/**
 * The rows that a batch of changes touches, as a store has loaded and locked them, and what is to be written back.
 * Mutable on purpose: it is the scratch paper of one transaction. The stores know tables; only this knows meaning.
 */
import type { EventType, JobEvent } from "./event.ts";
import { mayBeDead } from "./dead-letter.ts";
import { definitionKeyOf, type DisabledDefinition } from "./disabled-definition.ts";
import { endsIn } from "./follow.ts";
import type { Attempt, EndedJob, Fact, JobRecord, LiveJob, Signals } from "./job.ts";
import type { Json } from "./json.ts";
import type { Step } from "./ending.ts";
import { countStep, type Tally } from "./tally.ts";
import { timerOf } from "./transition.ts";

/** What a store loads before changes are applied. */
export interface Loaded {
  /** Live rows of the jobs that are changed, of their parents, and of the parents of new jobs. */
  readonly live: Iterable<LiveJob>;
  /** Ids among those asked for that exist and have ended. */
  readonly ended: Iterable<string>;
  /** Children that exist already, of those that are to be made: `childKeyOf(parent, key)` → id. */
  readonly children: Iterable<readonly [string, string]>;
  /** Idempotency keys in use: `idempotencyKeyOf(workspace, key)` → what was made under it. */
  readonly idempotent: Iterable<readonly [string, { readonly id: string; readonly requestHash: string | null }]>;
  /** Of `workspacesNeeded` those that are not there. */
  readonly absentWorkspaces?: Iterable<string>;
  /** Of `definitionsNeeded` those that are disabled. */
  readonly disabled?: Iterable<DisabledDefinition>;
}

/** What is to be written back, in this order. */
export interface Writes {
  readonly inserted: JobRecord[];
  /** Live rows to insert or replace. */
  readonly live: Map<string, LiveJob>;
  /** Jobs that ended: their live row goes. */
  readonly ended: Map<string, EndedJob>;
  /** Those of them that were decided about: their facts and cursor go too. */
  readonly decidersEnded: string[];
  /** Attempts that ended and were not the end of their job. */
  readonly attempts: Attempt[];
  readonly events: JobEvent[];
  readonly facts: { readonly jobId: string; readonly number: number; readonly fact: Fact }[];
  /** Facts up to this number are seen and go. */
  readonly factsSeen: Map<string, number>;
  /** Entries of cursors; null removes one. */
  readonly cursor: { readonly jobId: string; readonly key: string; readonly value: Json }[];
  readonly idempotency: { readonly workspace: string; readonly key: string; readonly jobId: string; readonly requestHash: string | null }[];
  readonly keyLimits: Map<string, number>;
  readonly keysTaken: { readonly key: string; readonly jobId: string }[];
  /** Released unless the job did not hold it; then blocked jobs of that key may become ready. */
  readonly keysReleased: { readonly key: string; readonly jobId: string }[];
  /** Jobs that wait in another queue now. */
  readonly moved: Map<string, string>;
  /** Of those that ended: jobs of their own, carried out by somebody, that failed or expired. They may be dead letters. */
  readonly died: string[];
  /** Schedules of which jobs ended: how many of each. */
  readonly runsEnded: Map<string, { readonly ends: number; readonly at: number }>;
  /** What was spent of rates: the bucket of a queue (fairness key "") or of a fairness key in it. */
  readonly spent: Map<string, { readonly queue: string; readonly fairnessKey: string; readonly spentUntil: number }>;
}

export class WorkingSet {
  readonly writes: Writes = {
    inserted: [],
    live: new Map(),
    ended: new Map(),
    decidersEnded: [],
    attempts: [],
    events: [],
    facts: [],
    factsSeen: new Map(),
    cursor: [],
    idempotency: [],
    keyLimits: new Map(),
    keysTaken: [],
    keysReleased: [],
    moved: new Map(),
    died: [],
    runsEnded: new Map(),
    spent: new Map(),
  };
  readonly tally: Tally = new Map();
  readonly children: Map<string, string>;
  readonly idempotent: Map<string, { readonly id: string; readonly requestHash: string | null }>;
  readonly absentWorkspaces: ReadonlySet<string>;
  readonly disabled: ReadonlyMap<string, DisabledDefinition>;
  readonly #live = new Map<string, LiveJob>();
  readonly #ended: Set<string>;
  readonly #signals = {
    ready: new Set<string>(),
    stopping: new Set<string>(),
    woken: false,
    timerAt: null as number | null,
    dispatchAt: null as number | null,
  };
  readonly #now: number;

  constructor(loaded: Loaded, now: number) {
    this.#now = now;
    for (const live of loaded.live) this.#live.set(live.id, live);
    this.#ended = new Set(loaded.ended);
    this.children = new Map(loaded.children);
    this.idempotent = new Map(loaded.idempotent);
    this.absentWorkspaces = new Set(loaded.absentWorkspaces ?? []);
    this.disabled = new Map([...(loaded.disabled ?? [])].map((mark) => [definitionKeyOf(mark), mark]));
  }

  get(id: string): LiveJob | undefined {
    return this.#live.get(id);
  }

  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  get signals(): Signals {
    return { ...this.#signals };
  }

  /** Stores a live row and notes who is to hear of it. */
  put(live: LiveJob): void {
    this.#live.set(live.id, live);
    this.writes.live.set(live.id, live);
    if (live.state === "queued" && !live.blocked) this.#signals.ready.add(`${live.executor}/${live.queue}`);
    if (live.decided < live.wakes) this.#signals.woken = true;
    if (live.state === "stopping") {
      if (live.session !== null) this.#signals.stopping.add(live.session);
      if (live.place !== null) this.#signals.stopping.add(live.place);
    }
    const timer = timerOf(live);
    if (timer !== null && (this.#signals.timerAt === null || timer < this.#signals.timerAt)) this.#signals.timerAt = timer;
  }

  /** Writes out what one step came to, with its effects on the parent. */
  take(before: LiveJob, step: Step): void {
    const { next, final } = step;
    countStep(this.tally, before, step);
    const subject = next ?? before;
    const events = this.#number(subject, step.events);
    if (step.releasesKey && before.concurrencyKey !== null) this.writes.keysReleased.push({ key: before.concurrencyKey, jobId: before.id });
    if (next !== null) {
      if (step.attempt !== null) this.writes.attempts.push(step.attempt);
      const changed = next !== before || events > 0 || step.fact !== null;
      if (!changed) return;
      if (next.queue !== before.queue) this.writes.moved.set(next.id, next.queue);
      this.put({ ...next, eventSeq: before.eventSeq + events, revision: before.revision + 1 });
      if (step.fact !== null) this.wake(before.id, step.fact);
      return;
    }
    if (final !== null) this.#end({ live: before, final, attempt: step.attempt });
  }

  /** Adds a fact for the kind of a job to look at. Legal in every live state; nothing for a job that has ended. */
  wake(id: string, fact: Fact): void {
    const live = this.#live.get(id);
    if (live === undefined) return;
    const wakes = live.wakes + 1;
    this.writes.facts.push({ jobId: id, number: wakes, fact });
    this.put({ ...live, wakes });
  }

  /** Appends events with the job's next numbers; returns how many. */
  #number(live: LiveJob, events: readonly { readonly type: EventType; readonly attempt: number | null; readonly data: Json }[]): number {
    let seq = live.eventSeq;
    for (const event of events) this.writes.events.push({ jobId: live.id, seq: ++seq, at: this.#now, ...event });
    return events.length;
  }

  #end(ended: EndedJob): void {
    const { live, final } = ended;
    this.#live.delete(live.id);
    this.#ended.add(live.id);
    this.writes.live.delete(live.id);
    this.writes.ended.set(live.id, ended);
    if (live.executor === "none") this.writes.decidersEnded.push(live.id);
    if (mayBeDead(live, final)) this.writes.died.push(live.id);
    if (live.scheduleId !== null) {
      const { ends } = this.writes.runsEnded.get(live.scheduleId) ?? { ends: 0 };
      this.writes.runsEnded.set(live.scheduleId, { ends: ends + 1, at: this.#now });
    }
    if (live.parentId === null || live.childKey === null) return;
    const parent = this.#live.get(live.parentId);
    if (parent === undefined) return;
    this.put({ ...parent, openChildren: parent.openChildren - 1 });
    // Whoever is carried out by an executor looks after its children itself.
    if (parent.executor === "none") this.wake(parent.id, endsIn(live, final));
  }
}
