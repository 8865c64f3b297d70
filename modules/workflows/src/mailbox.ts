/**
 * Signals of an execution, or of a loop in it: kept until a step waits for one, and handed to steps that wait already.
 * Part of the cursor, so what becomes of a signal is decided in the order of facts like everything else.
 *
 * M1. A signal is used once: it goes to the step that waits longest for its name, or is kept for the next that will.
 * M2. What is told to a step that has ended meanwhile comes back as a fact (kernel, `tells`), behind the step's end, which
 *     has taken the step from this list.
 * M3. A loop is handed as many signals of each name as it has items that wait for that name, and no more: others may wait for
 *     the rest. It has a mailbox of its own, and gives back what its items have not used when it ends.
 */
import type { ChildSpec, Outputs } from "@windlass/engine";
import { isJsonObject, type Json, type SignalFact } from "@windlass/kernel";
import { awaitedNames } from "./awaited-names.ts";
import { ownSpecOf, specJson } from "./step-spec.ts";

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
const WAITS = "#waits ";

export interface Told {
  /** Of the child; null: the parent. */
  readonly key: string | null;
  readonly fact: SignalFact;
}

export class Mailbox {
  readonly #entries: Entries;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** Kept, or for a child that waits. */
  receive({ name, data, by, at }: SignalFact): Told | null {
    const { kept, open } = this.#box(name);
    const [next, ...others] = open;
    if (next === undefined) {
      if (kept.length < KEPT_MAX) this.#store(name, { open, kept: [...kept, { name, data, by, at }] });
      return null;
    }
    const left = next.left - 1;
    this.#store(name, { kept, open: left > 0 ? [{ ...next, left }, ...others] : others });
    return { key: next.key, fact: { type: "signal", name, data, by, at } };
  }

  /** A loop that ends gives back what is kept: what comes next may wait for it. */
  givenBack(): readonly Told[] {
    const names = [...this.#entries.keys()].flatMap((key) => (key.startsWith(BOX) ? [key.slice(BOX.length)] : []));
    return names.flatMap((name) => this.#box(name).kept).map(givenBack);
  }

  /**
   * A child is made that waits for these, one of them for each signal that it takes: noted as one that waits, for all that was not
   * kept for it. Returns what was.
   */
  begin(key: string, names: readonly string[]): readonly Kept[] {
    const given: Kept[] = [];
    const awaited: string[] = [];
    for (const [name, { length: count }] of Map.groupBy(names, (one) => one)) {
      const { kept, open } = this.#box(name);
      const taken = kept.slice(0, count);
      const left = count - taken.length;
      given.push(...taken);
      if (left > 0) awaited.push(name);
      this.#store(name, { kept: kept.slice(count), open: left > 0 ? [...open, { key, left }] : open });
    }
    if (awaited.length > 0) this.#entries.set(WAITS + key, awaited);
    return given;
  }

  /** A child has ended: it waits no more. */
  ended(key: string): void {
    const names = (this.#entries.get(WAITS + key) ?? []) as readonly string[];
    if (names.length > 0) this.#entries.set(WAITS + key, null);
    for (const name of names) {
      const { kept, open } = this.#box(name);
      this.#store(name, { kept, open: open.filter((one) => one.key !== key) });
    }
  }

  #box(name: string): Box {
    const entry = this.#entries.get(BOX + name);
    return isJsonObject(entry) ? (entry as unknown as Box) : EMPTY;
  }

  #store(name: string, box: Box): void {
    this.#entries.set(BOX + name, box.kept.length === 0 && box.open.length === 0 ? null : (box as unknown as Json));
  }
}

/** Told to the parent, by one that has no use for it. */
export const givenBack = (kept: Kept): Told => toldTo(null, kept);

const toldTo = (key: string | null, { name, data, by, at }: Kept): Told => ({ key, fact: { type: "signal", name, data, by, at } });

/** A cursor with what a decision changes in it. */
export function entriesOf(cursor: ReadonlyMap<string, Json>, changed: Map<string, Json>): Entries {
  return {
    get: (key) => (changed.has(key) ? (changed.get(key) ?? undefined) : cursor.get(key)),
    set: (key, value) => changed.set(key, value),
    keys: () => new Set([...cursor.keys(), ...changed.keys()]),
  };
}

/**
 * A child as it is made, and what it is told with that: what came before and is kept for it. One that waits for a single signal has
 * it in its specification; a loop may be given more than fits into one.
 */
export function withSignals(
  mailbox: Mailbox,
  child: ChildSpec,
  outputs: Outputs,
): { readonly child: ChildSpec; readonly tells: readonly Told[] } {
  if (child.kind !== "step" || child.executor !== "none") return { child, tells: [] };
  const spec = ownSpecOf(child.spec);
  const kept = mailbox.begin(child.key, awaitedNames(spec, child.input ?? null, outputs));
  const [given] = kept;
  if (spec.type === "wait" && given !== undefined) return { child: { ...child, spec: specJson({ ...spec, given }) }, tells: [] };
  return { child, tells: kept.map((one) => toldTo(child.key, one)) };
}
