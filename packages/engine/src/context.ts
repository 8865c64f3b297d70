/** What every part of the engine works with: the ports it was given, and the few things derived from them. */
import {
  assert,
  encodeId,
  ID_ENTROPY_BYTES,
  type Change,
  type ChangeResult,
  type IdPrefix,
  type JobKindName,
  type JobRecord,
  type MaskRule,
  type Signals,
  type SpawnerLimits,
  type Tracing,
} from "@windlass/kernel";
import type { Bus, Clock, ImageGate, KeySource, Logger, LogStore, Outbound, Random, Sha256, Store } from "@windlass/ports";
import { figures, type Figures } from "./figures.ts";
import type { JobKind } from "./job-kind.ts";
import { keyRing, type KeyRing } from "./key-ring.ts";
import { observed } from "./observed.ts";
import { pace, type Pace } from "./pace.ts";
import type { RunnerRules } from "./runners.ts";

export interface EnginePorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly logs: LogStore;
  readonly sha256: Sha256;
  readonly kinds: readonly JobKind[];
  /** What must not be stored or shown of what a job prints and of why it failed; asked once for each attempt. */
  readonly masks?: ((record: JobRecord) => MaskRule) | undefined;
  /** Where the keys are that secrets are sealed with; in memory only when left out. */
  readonly keySource?: KeySource | undefined;
  /** Calls servers of others; nobody is called when left out. */
  readonly outbound?: Outbound | undefined;
  /** Which images are run, and as what; all, as they are, when left out. */
  readonly images?: ImageGate | undefined;
  /** How the runners of isolated executions are made; none are when left out. */
  readonly runners?: RunnerRules | undefined;
  /** Why no isolated execution may be submitted here; left out: it may. */
  readonly isolationRefused?: string | undefined;
  /** How many runners there may be at once; no limits but those of queues when left out. */
  readonly spawner?: SpawnerLimits | undefined;
  /** Left out or null: nobody traces, and nothing is made for it. */
  readonly tracing?: Tracing | null;
  /** The host that this process runs on and its number, for people who look at `workers list`. */
  readonly host?: string | undefined;
}

export interface EngineContext extends Omit<EnginePorts, "kinds" | "tracing" | "keySource"> {
  readonly tracing: Tracing | null;
  /** Seals secrets and opens them. */
  readonly keys: KeyRing;
  /** What this process did. */
  readonly figures: Figures;
  /** How often services look for what they were not told of. */
  readonly pace: Pace;
  /** The store's time: this machine's clock corrected by the store's offset. */
  now(): number;
  newId(prefix: IdPrefix): string;
  kindOf(kind: JobKindName): JobKind | undefined;
  /** Commits and tells those who wait. Every change goes through here. */
  commit(changes: readonly Change[]): Promise<readonly ChangeResult[]>;
  /**
   * Those who claim are called when a job is being submitted that will be ready (`<executor>/<queue>`), so that the claim
   * shares the commit of the submit. Who answers true looks at the store after that submit, and needs no wake-up for it where the store
   * keeps calls in order.
   */
  readonly awaiting: Set<(key: string) => boolean>;
  /** Tells those who wait; for claims, which do not go through `commit`. */
  announce(signals: Signals): void;
  /** Learns again how far the store's clock is from ours. */
  syncClock(): Promise<void>;
}

export function engineContext(ports: EnginePorts): EngineContext {
  const { clock, random, bus } = ports;
  const counted = figures();
  const tracing = ports.tracing ?? null;
  const store = observed(ports.store, { clock, figures: counted, tracing });
  const kinds = new Map(ports.kinds.map((kind) => [kind.kind, kind]));
  assert(kinds.size === ports.kinds.length, "two kinds of the same name");
  let offset = 0;
  const now = (): number => clock.now() + offset;
  const announce = (signals: Signals): void => {
    for (const key of signals.ready) bus.publish("ready", key);
    for (const key of signals.stopping) bus.publish("stopping", key);
    if (signals.woken) bus.publish("woken", "");
    if (signals.dispatchAt !== null) bus.publish("schedules", String(signals.dispatchAt));
    if (signals.timerAt !== null) bus.publish("timer", String(signals.timerAt));
    bus.publish("events", "");
  };
  const awaiting: EngineContext["awaiting"] = new Set();
  return {
    ...ports,
    store,
    keys: keyRing(ports.keySource ?? keysInMemory(), random),
    awaiting,
    tracing,
    figures: counted,
    pace: pace(ports),
    now,
    newId: monotonicIds(now, random),
    kindOf: (kind) => kinds.get(kind),
    announce,
    async commit(changes) {
      if (changes.length === 0) return [];
      const committed = store.jobs.commit(changes, now());
      const told = awaiting.size > 0 ? tell(awaiting, readyAfter(changes)) : NOBODY;
      const { results, signals } = await committed;
      announce(told.size === 0 || !store.inOrder ? signals : { ...signals, ready: signals.ready.difference(told) });
      return results;
    },
    async syncClock() {
      offset = await store.timeOffset();
    },
  };
}

/** Gone with the process, as what they seal is in a store in memory. */
function keysInMemory(): KeySource {
  let text = "";
  return { place: "the memory of this process", grows: "always", read: () => text, add: (key) => void (text = `${key}\n${text}`) };
}

const NOBODY: ReadonlySet<string> = new Set();

/** The keys that somebody looks after. */
function tell(awaiting: EngineContext["awaiting"], keys: ReadonlySet<string>): ReadonlySet<string> {
  const told = new Set<string>();
  for (const key of keys) for (const listener of awaiting) if (listener(key)) told.add(key);
  return told;
}

/** What will be ready once these changes are stored, as far as they say so by themselves. */
function readyAfter(changes: readonly Change[]): ReadonlySet<string> {
  const keys = new Set<string>();
  for (const change of changes)
    if (change.type === "submit" && change.job.notBefore === null) keys.add(`${change.job.executor}/${change.job.queue}`);
  return keys;
}

/** Ids of one process sort in the order in which they were made, also within a millisecond. */
function monotonicIds(now: () => number, random: Random): (prefix: IdPrefix) => string {
  let lastAt = 0;
  let entropy = random.bytes(ID_ENTROPY_BYTES);
  return (prefix) => {
    const at = now();
    if (at > lastAt) {
      lastAt = at;
      entropy = random.bytes(ID_ENTROPY_BYTES);
      // Room to count up within a millisecond.
      entropy[0] = (entropy[0] ?? 0) & 0x7f;
    } else {
      increment(entropy);
    }
    return encodeId(prefix, lastAt, entropy);
  };
}

function increment(bytes: Uint8Array): void {
  for (let i = bytes.length - 1; i >= 0; i--) {
    const value = ((bytes[i] ?? 0) + 1) & 0xff;
    bytes[i] = value;
    if (value !== 0) return;
  }
}
