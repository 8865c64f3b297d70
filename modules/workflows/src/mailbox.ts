/**
 * Signals of an execution, or of a loop in it: kept until a step waits for one, and handed to steps that wait already.
 * Part of the cursor, so what becomes of a signal is decided in the order of facts like everything else.
 *
 * M1. A signal is used once: it goes to the step that waits longest for its name, or is kept for the next that will.
 * M2. What is told to a step that has ended meanwhile comes back as a fact (kernel, `tells`), behind the step's end, which
 *     has taken the step from this list.
 * M3. A loop whose items wait is handed as many signals as it has items, and no more: others may wait for the rest. It has a
 *     mailbox of its own, and gives back what its items have not used when it ends.
 */
import type { ChildSpec } from "@windlass/engine";
import { isJsonObject, type Json, type SignalFact } from "@windlass/kernel";
import { ownSpecOf, specJson, type OwnSpec } from "./step-spec.ts";
import { isTemplate } from "./template.ts";

export interface Entries {
  get(key: string): Json | undefined;
  /** Null removes it. */
  set(key: string, value: Json): void;
  keys(): Iterable<string>;
}

/** Signals of one name that wait for a step; who sends more than that sends them to nobody. */
const KEPT_MAX = 1_000;

export type Kept = Pick<SignalFact, "name" | "data" | "by" | "at">;

interface Box {
  readonly kept: readonly Kept[];
  /** Children that wait, longest first; `left`: how many signals each still takes. */
  readonly open: readonly { readonly key: string; readonly left: number }[];
}

const EMPTY: Box = { kept: [], open: [] };
/** No step can be called so. */
const BOX = "#signal ";
/** The box of loops whose items wait for names that are known item by item. */
const ANY = `${BOX.trim()}*`;
const WAITS = "#waits ";

export interface Told {
  /** Of the child; null: the parent. */
  readonly key: string | null;
  readonly fact: SignalFact;
}

export class Mailbox {
  readonly #entries: Entries;
  /** Names that a step waits for by itself, now or later: loops that take any leave these alone. */
  readonly #reserved: ReadonlySet<string>;

  constructor(entries: Entries, reserved: ReadonlySet<string> = new Set()) {
    this.#entries = entries;
    this.#reserved = reserved;
  }

  /** Kept, or for a child that waits. */
  receive({ name, data, by, at }: SignalFact): Told | null {
    const place = this.#box(BOX + name).open.length > 0 || this.#reserved.has(name) ? BOX + name : ANY;
    const box = this.#box(place);
    const [next, ...others] = box.open;
    if (next === undefined) {
      const own = this.#box(BOX + name);
      if (own.kept.length < KEPT_MAX) this.#store(BOX + name, { ...own, kept: [...own.kept, { name, data, by, at }] });
      return null;
    }
    const left = next.left - 1;
    this.#store(place, { ...box, open: left > 0 ? [{ ...next, left }, ...others] : others });
    return { key: next.key, fact: { type: "signal", name, data, by, at } };
  }

  /** A loop that ends gives back what is kept: what comes next may wait for it. */
  givenBack(): readonly Told[] {
    const boxes = [...this.#entries.keys()].filter((key) => key.startsWith(BOX));
    return boxes.flatMap((key) => this.#box(key).kept).map(givenBack);
  }

  /** A child is made: it is given what was kept for it, or noted as one that waits. `items`: of a loop, how many. */
  begin(key: string, spec: OwnSpec, items: number): OwnSpec {
    if (spec.type === "wait" && "signal" in spec) {
      const box = this.#box(BOX + spec.signal);
      const [given, ...kept] = box.kept;
      if (given === undefined) this.#wait(BOX + spec.signal, { key, left: 1 });
      else this.#store(BOX + spec.signal, { ...box, kept });
      return given === undefined ? spec : { ...spec, given };
    }
    const signal = "step" in spec && spec.step.tool.kind === "wait" ? spec.step.tool.signal : undefined;
    if (signal === undefined || !("step" in spec)) return spec;
    const name = isTemplate(signal) ? ANY : BOX + signal;
    let left = items;
    const kept: Kept[] = [];
    for (const box of name === ANY ? this.#free() : [name]) {
      const taken = this.#take(box, left);
      kept.push(...taken);
      left -= taken.length;
    }
    if (left > 0) this.#wait(name, { key, left });
    return kept.length === 0 ? spec : { ...spec, kept };
  }

  /** A child has ended: it waits no more. */
  ended(key: string): void {
    const name = this.#entries.get(WAITS + key);
    if (typeof name !== "string") return;
    this.#entries.set(WAITS + key, null);
    const box = this.#box(name);
    this.#store(name, { ...box, open: box.open.filter((one) => one.key !== key) });
  }

  #wait(name: string, open: Box["open"][number]): void {
    const box = this.#box(name);
    this.#entries.set(WAITS + open.key, name);
    this.#store(name, { ...box, open: [...box.open, open] });
  }

  /** Boxes of names that no step waits for by itself. */
  #free(): readonly string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(BOX) && !this.#reserved.has(key.slice(BOX.length)));
  }

  #take(name: string, count: number): readonly Kept[] {
    const { kept, open } = this.#box(name);
    if (kept.length > 0 && count > 0) this.#store(name, { kept: kept.slice(count), open });
    return kept.slice(0, count);
  }

  #box(name: string): Box {
    const entry = this.#entries.get(name);
    return isJsonObject(entry) ? (entry as unknown as Box) : EMPTY;
  }

  #store(name: string, box: Box): void {
    this.#entries.set(name, box.kept.length === 0 && box.open.length === 0 ? null : (box as unknown as Json));
  }
}

/** Told to the parent, by one that has no use for it. */
export const givenBack = ({ name, data, by, at }: Kept): Told => ({ key: null, fact: { type: "signal", name, data, by, at } });

/** A cursor with what a decision changes in it. */
export function entriesOf(cursor: ReadonlyMap<string, Json>, changed: Map<string, Json>): Entries {
  return {
    get: (key) => (changed.has(key) ? (changed.get(key) ?? undefined) : cursor.get(key)),
    set: (key, value) => changed.set(key, value),
    keys: () => new Set([...cursor.keys(), ...changed.keys()]),
  };
}

/** A child as it is made: one that waits for a signal is given what came before. */
export function withSignal(mailbox: Mailbox, child: ChildSpec): ChildSpec {
  if (child.kind !== "step" || child.executor !== "none") return child;
  const spec = ownSpecOf(child.spec);
  const items = spec.type === "rounds" ? spec.maxRounds : Array.isArray(child.input) ? child.input.length : 1;
  return { ...child, spec: specJson(mailbox.begin(child.key, spec, items)) };
}
