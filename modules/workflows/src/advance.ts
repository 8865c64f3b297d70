/**
 * What comes next in an execution: folds the ends of its steps into a cursor, starts the steps that waited for them,
 * and ends the execution when all have finished. Pure (engine, K1 and K2).
 *
 * W1. A step is decided once, by the end of the last one it needs: each step counts how many needs are open.
 * W2. One end touches the entries of that step, of its dependants and of the total: never of the whole graph. Only the
 *     last end of all reads every entry, once.
 * W3. Everything that a step comes to, also being skipped, comes back as the end of a child: there is one way to fold.
 * W4. Facts are folded one by one, and what they make ready is decided between them: the order counts, bundles do not.
 */
import type { AdvanceInput, ChildSpec, Decision, Outputs } from "@windlass/engine";
import {
  assert,
  CLOSING_KEY,
  depthOf,
  isRunnerKey,
  isJsonObject,
  OUTPUT_LENGTH_MAX,
  type ChildFact,
  type Json,
  type JsonObject,
  type Outcome,
  type Result,
  type SignalFact,
} from "@windlass/kernel";
import { givenUp, Runners } from "./advance-runner.ts";
import { compiledFor, forgetCompiled, type CompiledWorkflow } from "./compile-workflow.ts";
import { decideStep, isHandled, stepNamed } from "./decide-step.ts";
import { whatFits } from "./ended-child.ts";
import { finallyChild } from "./finally-child.ts";
import { entriesOf, Mailbox, withSignals, type Told } from "./mailbox.ts";
import { holds } from "./predicates.ts";
import { evaluateIn, type Scope, type StepFacts } from "./scope.ts";
import { entryOf, readFacts } from "./step-facts.ts";
import { render } from "./template.ts";
import { inField } from "./tool-child.ts";

/** The entry with the total; no step can be called so. */
const TOTAL = "#";
/** How many failed steps are kept as what an execution ended for. */
const BLAMED_MAX = 200;
/** How many failed steps a message names. */
const NAMED_MAX = 5;

export function advanceWorkflow(input: AdvanceInput): Decision {
  const compiled = compiledFor(input.record);
  return withFinally(input, compiled, advanceSteps(input, compiled, outerOf(input)));
}

/** While the execution is being stopped: nothing begins any more, but for the steps that run however it ends. */
export function closeWorkflow(input: AdvanceInput): Pick<Decision, "cursor" | "children"> {
  const compiled = compiledFor(input.record);
  const fold = new Fold(input, compiled);
  for (const fact of input.facts) if (fact.type === "child" && fact.key !== CLOSING_KEY && !isRunnerKey(fact.key)) fold.end(fact);
  const scope = scopeOf(compiled, outerOf(input), (name) => fold.facts(name));
  const isMade = input.cursor.has(CLOSING_KEY);
  const last = isMade || input.live.openChildren > 0 ? null : finallyChild(compiled, scope);
  if (last === null) return { cursor: fold.changes(), children: [] };
  return { cursor: { ...fold.changes(), [CLOSING_KEY]: { made: true } }, children: [last] };
}

/** What steps see besides each other. */
type Outer = Pick<Scope, "inputs" | "job"> & Partial<Pick<Scope, "step" | "leftOut">>;

export function advanceSteps(input: AdvanceInput, compiled: CompiledWorkflow, outer: Outer): Decision {
  const fold = new Fold(input, compiled);
  const scope = scopeOf(compiled, outer, (name) => fold.facts(name));
  const where = { scope, depth: depthOf(input.record.path), runsIn: runsInOf(input.record, compiled) };
  const runners = new Runners(input.cursor);
  const children: ChildSpec[] = [];
  const tells: Told[] = [];
  for (const fact of input.facts) {
    if (runners.take(fact, fold.finished < fold.total)) continue;
    if (fact.type === "started") fold.start();
    else if (fact.type === "child" && fact.key !== CLOSING_KEY) fold.end(fact);
    else if (fact.type === "signal") tells.push(...fold.signal(fact));
    // Between two facts, so that it does not matter how many a decision is given (W4).
    for (const name of fold.takeReady()) {
      const { child, tells: given } = fold.begin(decideStep(compiled, name, where));
      tells.push(...given);
      children.push(whatFits(stepNamed(compiled, name).step, child));
    }
  }
  const { finished, total } = fold;
  // With all steps over, what is open is a runner that has not gone yet (advance-runner.ts, I1).
  const isOver = finished === total && (where.runsIn === undefined || input.live.openChildren === 0);
  const finish = isOver ? finishOf(compiled, scope) : null;
  if (finish !== null && compiled.workflow.finally === undefined) forgetCompiled(input.record);
  const decision: Decision = {
    cursor: { ...fold.changes(), ...runners.changes() },
    children,
    stops: [],
    tells,
    waitUntil: null,
    progress: { fraction: finished / total, text: `${finished} of ${total} steps` },
    finish,
  };
  if (runners.givenUp === null) return decision;
  const open = [...compiled.steps.keys()].filter((name) => fold.facts(name) === undefined);
  return givenUp(decision, runners.givenUp, { children: input.live.openChildren, steps: open });
}

/** The execution whose runner carries the steps out; undefined where nobody's does. */
function runsInOf({ id, parentId, childKey }: AdvanceInput["record"], { workflow }: CompiledWorkflow): string | undefined {
  if (workflow.isolation !== "job") return undefined;
  return childKey === CLOSING_KEY && parentId !== null ? parentId : id;
}

/** The steps at the end run when all others have finished, and the execution ends when they have. */
function withFinally(input: AdvanceInput, compiled: CompiledWorkflow, decision: Decision): Decision {
  const ended = closedBy(input);
  const closed = ended === null ? {} : { [CLOSING_KEY]: { made: true, ...ended } };
  const cursor = { ...decision.cursor, ...closed };
  const { finish } = decision;
  if (finish === null || compiled.workflow.finally === undefined) return { ...decision, cursor };
  if (ended === null) {
    if (input.cursor.has(CLOSING_KEY)) return { ...decision, finish: null };
    const entries = entriesOf(input.cursor, new Map(Object.entries(cursor)));
    const last = finallyChild(
      compiled,
      scopeOf(compiled, outerOf(input), (name) => factsOf(entries.get(name), input.outputs)),
    );
    if (last === null) return decision;
    return { ...decision, cursor: { ...cursor, [CLOSING_KEY]: { made: true } }, children: [last], finish: null };
  }
  forgetCompiled(input.record);
  const over = { ...decision, cursor };
  if (finish.outcome !== "succeeded" || !holds("failed", ended.outcome)) return over;
  const message = `finally: ${ended.message ?? ended.outcome}`;
  return { ...over, finish: { outcome: "failed", reason: "step_failed", message, evidence: { children: [CLOSING_KEY] } } };
}

/** How the steps at the end went, now or before: a runner may outlive them for a moment. Null: they have not ended. */
function closedBy({ facts, cursor }: AdvanceInput): { readonly outcome: Outcome; readonly message: string | null } | null {
  const fact = facts.find((one) => one.type === "child" && one.key === CLOSING_KEY);
  if (fact?.type === "child") return { outcome: fact.outcome, message: fact.message };
  const entry = cursor.get(CLOSING_KEY);
  if (!isJsonObject(entry) || entry["outcome"] === undefined) return null;
  return { outcome: entry["outcome"] as Outcome, message: entry["message"] as string | null };
}

/** The cursor with what changed in it: a step's entry is absent or `{open}` while it waits, its facts once it has finished. */
class Fold {
  /** Steps whose last need has finished, in order, until they are decided. */
  #ready: string[] = [];
  readonly total: number;
  readonly #compiled: CompiledWorkflow;
  readonly #cursor: ReadonlyMap<string, Json>;
  readonly #changed = new Map<string, Json>();
  readonly #mailbox: Mailbox;
  readonly #outputs: Outputs;

  constructor({ cursor, outputs }: AdvanceInput, compiled: CompiledWorkflow) {
    this.#cursor = cursor;
    this.#outputs = outputs;
    this.#compiled = compiled;
    this.total = compiled.steps.size;
    this.#mailbox = new Mailbox(entriesOf(cursor, this.#changed));
  }

  start(): void {
    if (this.#entry(TOTAL) !== undefined) return;
    this.#changed.set(TOTAL, { finished: 0 });
    for (const [name, { needs }] of this.#compiled.steps) if (needs.length === 0) this.#ready.push(name);
  }

  end(fact: ChildFact): void {
    const name = fact.key;
    const { dependants } = stepNamed(this.#compiled, name);
    if (this.facts(name) !== undefined) return;
    this.#changed.set(name, entryOf(fact));
    this.#changed.set(TOTAL, { finished: this.finished + 1 });
    for (const dependant of dependants) {
      const open = this.#open(dependant) - 1;
      this.#changed.set(dependant, { open });
      if (open === 0) this.#ready.push(dependant);
    }
    this.#mailbox.ended(name);
  }

  signal(fact: SignalFact): readonly Told[] {
    const told = this.#mailbox.receive(fact);
    return told === null ? [] : [told];
  }

  takeReady(): readonly string[] {
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** A step's job as it is made: one that waits for a signal is given what came before. */
  begin(child: ChildSpec): ReturnType<typeof withSignals> {
    return withSignals(this.#mailbox, child, this.#outputs);
  }

  get finished(): number {
    const entry = this.#entry(TOTAL);
    return entry === undefined ? 0 : Number(entry["finished"]);
  }

  facts(name: string): StepFacts | undefined {
    return factsOf(this.#entry(name), this.#outputs);
  }

  changes(): Readonly<Record<string, Json>> {
    return Object.fromEntries(this.#changed);
  }

  #open(name: string): number {
    const open = this.#entry(name)?.["open"] ?? stepNamed(this.#compiled, name).needs.length;
    assert(typeof open === "number" && open > 0, `step ${name} waits for something when one of its needs ends`);
    return open;
  }

  #entry(key: string): JsonObject | undefined {
    const entry = this.#changed.get(key) ?? this.#cursor.get(key);
    return isJsonObject(entry) ? entry : undefined;
  }
}

function factsOf(entry: Json | undefined, outputs: Outputs): StepFacts | undefined {
  return isJsonObject(entry) && entry["outcome"] !== undefined ? readFacts(entry, outputs) : undefined;
}

function outerOf({ record, live }: AdvanceInput): Outer {
  const inputs = isJsonObject(record.input) ? record.input : {};
  return { inputs, job: { id: record.id, name: record.name, attempt: live.attempt } };
}

function scopeOf(compiled: CompiledWorkflow, { step: outer, leftOut, ...own }: Outer, step: Scope["step"]): Scope {
  const stepOf = (name: string): StepFacts | undefined => (compiled.steps.has(name) ? step(name) : outer?.(name));
  return { ...own, doubles: compiled.doubles, step: stepOf, ...(leftOut === undefined ? {} : { leftOut }) };
}

function finishOf(compiled: CompiledWorkflow, scope: Scope): Result {
  const failed = [...compiled.steps.values()].filter((own) => {
    const outcome = scope.step(own.step.name)?.outcome;
    return outcome !== undefined && holds("failed", outcome) && !isHandled(own, scope.step);
  });
  if (failed.length > 0) {
    const names = failed.map(({ step }) => step.name);
    return {
      outcome: "failed",
      reason: "step_failed",
      message: failureText(names, scope),
      evidence: { children: names.slice(0, BLAMED_MAX) },
    };
  }
  const { output } = compiled.workflow;
  if (output === undefined) return { outcome: "succeeded", reason: "ok", message: null };
  const rendered = render(output, evaluateIn(scope));
  if (!rendered.ok) return { outcome: "failed_config", reason: "expression_failed", message: inField("output", rendered) };
  const length = JSON.stringify(rendered.value).length;
  if (length > OUTPUT_LENGTH_MAX)
    return { outcome: "failed", reason: "output_too_large", message: `output: ${length} characters; ${OUTPUT_LENGTH_MAX} are allowed` };
  return { outcome: "succeeded", reason: "ok", message: null, output: rendered.value };
}

function failureText(names: readonly string[], scope: Scope): string {
  const [first = ""] = names;
  const facts = scope.step(first);
  if (names.length === 1) return `step ${first} ended as ${facts?.outcome ?? "failed"}: ${facts?.error ?? ""}`;
  const rest = names.length - NAMED_MAX;
  return `${names.length} steps failed: ${names.slice(0, NAMED_MAX).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
