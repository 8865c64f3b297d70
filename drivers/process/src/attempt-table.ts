/**
 * All attempts of a data folder, as the supervisor knows them: those that run, in memory; those that ended, on disk.
 *
 * T1. A name is launched at most once until it is forgotten: the folder decides (A1), and repeats share one launch.
 * T2. A name that was forgotten is not launched again for a while: the order of a launcher that has died since may arrive
 *     after its successor has stored the end.
 * T3. At the start, whatever has no end on disk was lost with an earlier supervisor: what is left of it is killed
 *     before anything is told.
 */
import { mkdirSync } from "node:fs";
import { WindlassError } from "@windlass/kernel";
import type { StopFor } from "@windlass/kernel";
import type { EndedFact, Found } from "@windlass/ports";
import { attemptNames, makeAttemptFolder, readAttempt, removeAttempt, sweepRemoved, writeEnd } from "./attempt-files.ts";
import type { LaunchRecord } from "./attempt-files.ts";
import { mendAttemptLog } from "./attempt-log.ts";
import { attemptFolder, processesFolder } from "./folder-layout.ts";
import type { LaunchOrder } from "./protocol.ts";
import { killMarked } from "./stragglers.ts";
import { SupervisedAttempt } from "./supervised-attempt.ts";
import type { AttemptSurroundings } from "./supervised-attempt.ts";

type Kept = Found & { readonly endedAt: number };

/** How long an order to launch may be under way, with room; and how many names that is at most. */
const FORGOTTEN_MS = 600_000;
const FORGOTTEN_MAX = 100_000;

export class AttemptTable {
  readonly #around: AttemptSurroundings;
  readonly #running = new Map<string, { readonly attempt: SupervisedAttempt; readonly started: Promise<void> }>();
  readonly #ended = new Map<string, Kept>();
  /** When a name was forgotten, oldest first. */
  readonly #forgotten = new Map<string, number>();
  readonly #tell: (fact: EndedFact) => void;

  constructor(around: AttemptSurroundings) {
    this.#around = { ...around, onEnded: (fact) => this.#onEnded(fact) };
    this.#tell = around.onEnded;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** Reads the folder. See T3. */
  async recover(): Promise<void> {
    const { data } = this.#around;
    mkdirSync(processesFolder(data), { recursive: true, mode: 0o700 });
    sweepRemoved(data);
    const lost: LaunchRecord[] = [];
    for (const name of attemptNames(data)) {
      const kept = readAttempt(data, name);
      if (kept === null) await removeAttempt(data, name);
      else if (kept.state === "ended") this.#keep(kept.fact);
      else {
        lost.push(kept.launch);
        if (kept.pid !== null) killGroup(kept.pid);
      }
    }
    await killMarked(
      lost.map((launch) => launch.ref),
      this.#around.clock,
    );
    for (const launch of lost) this.#declareLost(launch);
  }

  async launch(order: LaunchOrder): Promise<{ readonly ref: string }> {
    const known = this.#running.get(order.name);
    if (known !== undefined) {
      await known.started;
      return { ref: known.attempt.order.ref };
    }
    if (this.#forgotten.has(order.name))
      throw new WindlassError("conflict", `${order.name} has ended and was forgotten; a name is launched once`);
    if (!makeAttemptFolder(this.#around.data, order, this.#around.clock.now())) return { ref: this.#refOf(order.name) };
    try {
      const attempt = new SupervisedAttempt(order, this.#around);
      const started = attempt.start();
      this.#running.set(order.name, { attempt, started });
      await started;
    } catch (error) {
      // Nothing runs: the name is free again, so that the failure may pass.
      this.#running.delete(order.name);
      await removeAttempt(this.#around.data, order.name);
      throw error;
    }
    return { ref: order.ref };
  }

  find(name: string): Found | null {
    const running = this.#running.get(name);
    if (running !== undefined) return running.attempt.found;
    const kept = this.#ended.get(name);
    return kept === undefined ? null : foundOf(kept);
  }

  list(): readonly Found[] {
    return [...[...this.#running.values()].map((it) => it.attempt.found), ...[...this.#ended.values()].map(foundOf)];
  }

  async stop(name: string, graceMs: number, stopFor: StopFor): Promise<void> {
    const running = this.#running.get(name);
    if (running === undefined) return;
    // One that could not be started has nothing to stop; its launcher is told why.
    await running.started.catch(() => {});
    running.attempt.stop(graceMs, stopFor);
  }

  async forget(name: string): Promise<void> {
    attemptFolder(this.#around.data, name);
    if (this.#running.has(name)) throw new WindlassError("conflict", `${name} is still running; stop it first`);
    if (!this.#ended.delete(name)) return;
    this.#rememberForgotten(name);
    await removeAttempt(this.#around.data, name);
  }

  #rememberForgotten(name: string): void {
    const now = this.#around.clock.now();
    this.#forgotten.set(name, now);
    for (const [old, at] of this.#forgotten) {
      if (now - at < FORGOTTEN_MS && this.#forgotten.size <= FORGOTTEN_MAX) return;
      this.#forgotten.delete(old);
    }
  }

  /** What ended at least so long ago and was not forgotten. */
  *endedFacts(olderThanMs: number): Generator<EndedFact> {
    const until = this.#around.clock.now() - olderThanMs;
    for (const { name, endedAt } of this.#ended.values()) {
      const kept = endedAt <= until ? readAttempt(this.#around.data, name) : null;
      if (kept?.state === "ended") yield kept.fact;
    }
  }

  #refOf(name: string): string {
    const found = this.find(name);
    if (found === null) throw new WindlassError("executor_failed", `${name} is being removed`);
    return found.ref;
  }

  #onEnded(fact: EndedFact): void {
    this.#running.delete(fact.name);
    this.#keep(fact);
    this.#tell(fact);
  }

  #keep({ name, jobId, attempt, ref, endedAt }: EndedFact): void {
    this.#ended.set(name, { name, jobId, attempt, ref, state: "ended", endedAt });
  }

  #declareLost({ name, jobId, attempt, ref, launchedAt }: LaunchRecord): void {
    const { data, complain, clock } = this.#around;
    const endedAt = clock.now();
    try {
      mendAttemptLog(data, { jobId, attempt }, endedAt);
    } catch (error) {
      complain(`mending the log of ${name}`, error);
    }
    const message = "the supervisor of its processes was killed, and they with it";
    const fact: EndedFact = {
      ...{ name, jobId, attempt, ref, stopped: false, startedAt: launchedAt, endedAt },
      result: { outcome: "failed_node_lost", reason: "supervisor_lost", message },
    };
    writeEnd(data, fact);
    this.#keep(fact);
  }
}

function foundOf({ name, jobId, attempt, ref, state }: Kept): Found {
  return { name, jobId, attempt, ref, state };
}

function killGroup(leader: number): void {
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
