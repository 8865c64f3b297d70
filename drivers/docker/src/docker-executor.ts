/**
 * The Executor for containers of a local engine: Docker, or podman by the same API. The engine is the supervisor here: it
 * outlives this process, keeps names apart, what was printed and how it ended. Nothing is asked at intervals for any one
 * attempt: ends come as events, over one connection for all, and a container that is silent costs nothing.
 *
 * D1. Every container of a place is known by a label; what happened while nobody listened is seen by listing them.
 * D2. While the engine is out of reach, attempts are where their notes say they are: nothing is taken for lost.
 * D3. What was made and never started, and nobody wants any more, is removed after a while.
 */
import { resolve } from "node:path";
import {
  faultsOfContainerSpec,
  messageOf,
  NO_SECRETS,
  resultOfStop,
  WindlassError,
  type ContainerSpec,
  type MaskRule,
} from "@windlass/kernel";
import type { Clock, EndedFact, Executor, Found, Launched, LaunchRequest, Logger, LogStore } from "@windlass/ports";
import { AttemptNotes, type LaunchNote } from "./attempt-notes.ts";
import { ContainerAttempt } from "./container-attempt.ts";
import { LABELS, type ContainerFacts } from "./container-engine.ts";
import { faultsHere } from "./create-body.ts";
import type { Environment } from "./engine-address.ts";
import { findEngine, NO_ENGINE, whereEnginesAre, type FoundEngine } from "./engine-finder.ts";
import { eventLines } from "./event-lines.ts";
import { ForgottenNames } from "./forgotten-names.ts";
import { hold, release, sharedLaunch } from "./held-names.ts";
import { launchContainer } from "./launch-container.ts";
import { imagePulls, type ImagePulls } from "./pull-image.ts";
import { registryAuth } from "./registry-auth.ts";
import { withSecretsInside } from "./secrets-inside.ts";

export interface DockerExecutorOptions {
  /** The data folder; notes of attempts lie below `containers/`. */
  readonly folder: string;
  readonly place: string;
  /** The engine's address; found by itself when empty. */
  readonly host: string;
  /** For DOCKER_HOST and its like, and for the logins of registries. */
  readonly environment: Environment;
  readonly runningMax: number;
  readonly hostPaths: readonly string[];
  readonly logs: LogStore;
  readonly logBytesMax: number;
  readonly logBytesPerSecondMax?: number;
  /** What must not be stored of an attempt that was launched before this process began. */
  readonly masks?: (jobId: string) => Promise<MaskRule>;
  readonly clock: Clock;
  readonly logger?: Logger;
}

/** An end that was told and is still not forgotten is told again: its fact may have been lost on the way. */
const TELL_AGAIN_MS = 10_000;
const RECONNECT_MS = 1_000;
/** How often an engine is looked for where none was found. */
const LOOK_FOR_ENGINE_MS = 15_000;
/** By then whoever takes up an attempt that was left half launched has done so. */
const SWEEP_AFTER_MS = 600_000;

export function dockerExecutor(options: DockerExecutorOptions): Executor {
  return new DockerExecutor(options);
}

interface Connected extends FoundEngine {
  readonly pulls: ImagePulls;
}

class DockerExecutor implements Executor {
  readonly name = "docker";
  readonly place: string;
  readonly runningMax: number;
  readonly #options: DockerExecutorOptions;
  readonly #notes: AttemptNotes;
  readonly #forgotten: ForgottenNames;
  readonly #attempts = new Map<string, ContainerAttempt>();
  /** Ends that are not forgotten, and when each was last told. */
  readonly #ended = new Map<string, { readonly fact: EndedFact; toldAt: number }>();
  readonly #launching = new Map<string, AbortController>();
  readonly #made = new Set<string>();
  readonly #close = new AbortController();
  #connected: Connected | null = null;
  #connecting: Promise<Connected | null> | null = null;
  #onEnded: ((fact: EndedFact) => void) | null = null;
  #watching: Promise<void> = Promise.resolve();
  #cancelTell = (): void => {};
  #beganAt = 0;

  constructor(options: DockerExecutorOptions) {
    this.#options = options;
    this.place = options.place;
    this.runningMax = options.runningMax;
    this.#notes = new AttemptNotes(resolve(options.folder));
    this.#forgotten = new ForgottenNames(options.clock);
  }

  async start(onEnded: (fact: EndedFact) => void): Promise<void> {
    this.#onEnded = onEnded;
    this.#beganAt = this.#options.clock.monotonic();
    for (const name of this.#notes.names()) {
      const end = this.#notes.readEnd(name);
      if (end !== null) this.#tell(end);
    }
    this.#watching = this.#watch();
  }

  async launch(request: LaunchRequest): Promise<Launched> {
    const faults = faultsOfContainerSpec(request.spec);
    const spec = request.spec as unknown as ContainerSpec;
    const here = faults.length > 0 ? faults : faultsHere(spec, this.#options);
    if (here.length > 0) {
      const message = here.map((fault) => `${fault.path}: ${fault.message}`).join("; ");
      return { refused: { outcome: "failed_config", reason: "bad_spec", message } };
    }
    this.#forgotten.refuse(request.name);
    return sharedLaunch(this.#keyOf(request.name), () => this.#launchOnce(request, spec));
  }

  async find(name: string): Promise<Found | null> {
    const known = this.#attempts.get(name)?.found ?? foundOfEnd(this.#ended.get(name)?.fact ?? this.#notes.readEnd(name));
    if (known !== null) return known;
    const connected = await this.#connect().catch(() => null);
    if (connected === null) return this.#foundByNote(name);
    const container = await connected.engine.inspect(name);
    return container === null ? null : this.#foundOf(container);
  }

  async list(): Promise<readonly Found[]> {
    const ended = [...this.#ended.values()].flatMap(({ fact }) => foundOfEnd(fact) ?? []);
    const names = new Set(ended.map(({ name }) => name));
    const containers = await this.#containers();
    const running =
      containers === null
        ? this.#notes.names().flatMap((name) => this.#foundByNote(name) ?? [])
        : containers.flatMap((container) => this.#foundOf(container) ?? []);
    return [...ended, ...running.filter(({ name }) => !names.has(name))];
  }

  async stop(name: string, graceMs: number, stopFor: Parameters<Executor["stop"]>[2]): Promise<void> {
    const launching = this.#launching.get(name);
    if (launching !== undefined && !this.#attempts.has(name)) launching.abort(new LaunchStopped(stopFor));
    await this.#attempts.get(name)?.stop(graceMs, stopFor);
  }

  async forget(name: string): Promise<void> {
    if (this.#attempts.has(name)) throw new WindlassError("conflict", `${name} is still running; stop it first`);
    const end = this.#ended.get(name)?.fact ?? this.#notes.readEnd(name);
    if (end === null) return;
    const connected = await this.#connect();
    if (connected !== null) await connected.engine.remove(name);
    this.#forgotten.add(name);
    this.#ended.delete(name);
    this.#made.delete(name);
    await this.#notes.remove(name);
  }

  async close(): Promise<void> {
    this.#close.abort();
    this.#cancelTell();
    for (const launch of this.#launching.values()) launch.abort(new WindlassError("unavailable", "the server is stopping"));
    await this.#watching;
    for (const [name, attempt] of this.#attempts) {
      await attempt.close();
      release(this.#keyOf(name), this);
    }
    this.#attempts.clear();
    this.#connected?.engine.client.close();
  }

  async #launchOnce(request: LaunchRequest, spec: ContainerSpec): Promise<Launched> {
    const abort = new AbortController();
    this.#launching.set(request.name, abort);
    try {
      const connected = await this.#connect();
      if (connected === null) return this.#refuseWithoutEngine(spec);
      abort.signal.throwIfAborted();
      return await this.#launchOn(connected, { request, spec, signal: abort.signal });
    } catch (error) {
      if (!(error instanceof LaunchStopped)) throw error;
      await this.#connected?.engine.remove(request.name);
      await this.#notes.remove(request.name);
      return { refused: resultOfStop(error.stopFor) };
    } finally {
      this.#launching.delete(request.name);
    }
  }

  #launchOn(
    { engine, pulls, isPodman }: Connected,
    { request, spec, signal }: { readonly request: LaunchRequest; readonly spec: ContainerSpec; readonly signal: AbortSignal },
  ): Promise<Launched> {
    const { clock, hostPaths, logBytesMax } = this.#options;
    return launchContainer(request, spec, {
      ...{ engine, pulls, clock, signal, notes: this.#notes },
      rules: { place: this.place, isPodman, hostPaths, logBytesMax },
      isOurs: (name) => this.#made.has(name),
      onMade: (name) => void this.#made.add(name),
      adopt: (of, note, { id, startedAt }) => this.#adopt(note, { id, startedAt }, of.mask ?? NO_SECRETS),
      onEnded: (fact) => this.#tell(fact),
    });
  }

  #refuseWithoutEngine({ image }: ContainerSpec): Launched {
    const { host, environment } = this.#options;
    const message = `there is no container engine here to run the image ${image} (looked at ${whereEnginesAre(host, environment)}); ${NO_ENGINE}`;
    return { refused: { outcome: "failed_config", reason: "no_executor", message } };
  }

  #adopt(note: LaunchNote, { id, startedAt }: { readonly id: string; readonly startedAt: number | null }, mask: MaskRule): void {
    const { name } = note;
    if (this.#attempts.has(name) || this.#ended.has(name) || this.#connected === null || this.#close.signal.aborted) return;
    if (!hold(this.#keyOf(name), this)) return;
    const { clock, logs, logger, logBytesPerSecondMax: bytesPerSecondMax = 0 } = this.#options;
    const attempt = new ContainerAttempt(note, id, {
      ...{ engine: this.#connected.engine, followsWhole: !this.#connected.isPodman, mask },
      ...{ notes: this.#notes, clock, logs, logger, bytesPerSecondMax },
      onEnded: (fact) => {
        this.#drop(name);
        this.#tell(fact);
      },
      onGone: (gone) => {
        this.#drop(gone);
        void this.#notes.remove(gone);
      },
    });
    this.#attempts.set(name, attempt);
    attempt.begin(startedAt ?? clock.now());
  }

  #drop(name: string): void {
    this.#attempts.delete(name);
    release(this.#keyOf(name), this);
  }

  /** Follows what containers do, for as long as there is an engine. */
  async #watch(): Promise<void> {
    while (!this.#close.signal.aborted) {
      let restMs = RECONNECT_MS;
      try {
        const connected = await this.#connect();
        if (connected === null) restMs = LOOK_FOR_ENGINE_MS;
        else {
          const events = await connected.engine.events(this.place, this.#close.signal);
          // Behind the subscription: what ends in between is told by one of the two.
          await this.#takeStock();
          for await (const name of eventLines(events)) this.#attempts.get(name)?.examine();
        }
      } catch (error) {
        if (!this.#close.signal.aborted) this.#options.logger?.warn("the container engine is out of reach", { error: messageOf(error) });
      }
      await this.#rest(restMs);
    }
  }

  /** Looks at all containers of the place: see D1 and D3. */
  async #takeStock(): Promise<void> {
    const connected = this.#connected;
    if (connected === null) return;
    for (const container of await connected.engine.list(this.place)) {
      const { name, id, state } = container;
      if (this.#ended.has(name)) continue;
      if (this.#attempts.has(name)) this.#attempts.get(name)?.examine();
      else if (state === "created") await this.#sweep(container);
      else if (!this.#launching.has(name)) {
        const details = await connected.engine.inspect(id);
        const note = this.#notes.readLaunch(name) ?? noteOfContainer(container);
        if (details === null || note === null) continue;
        const masks = await this.#options.masks?.(note.jobId);
        const mask = withSecretsInside(masks ?? NO_SECRETS, note, details);
        this.#adopt({ ...note, id }, { id, startedAt: details.startedAt }, mask);
        if (state === "ended") this.#attempts.get(name)?.examine();
      }
    }
  }

  async #sweep({ name, id }: ContainerFacts): Promise<void> {
    if (this.#launching.has(name) || this.#made.has(name)) return;
    if (this.#options.clock.monotonic() - this.#beganAt < SWEEP_AFTER_MS) return;
    await this.#connected?.engine.remove(id);
    await this.#notes.remove(name);
  }

  #tell(fact: EndedFact): void {
    this.#ended.set(fact.name, { fact, toldAt: this.#options.clock.monotonic() });
    this.#onEnded?.(fact);
    if (this.#ended.size === 1) this.#tellAgainLater();
  }

  #tellAgainLater(): void {
    const { clock } = this.#options;
    this.#cancelTell();
    if (this.#close.signal.aborted || this.#ended.size === 0) return;
    this.#cancelTell = clock.after(TELL_AGAIN_MS, () => {
      const now = clock.monotonic();
      for (const end of this.#ended.values()) {
        if (now - end.toldAt < TELL_AGAIN_MS) continue;
        end.toldAt = now;
        this.#onEnded?.(end.fact);
      }
      this.#tellAgainLater();
    });
  }

  /** Null when there is none. Throws `unavailable` when it is there and does not answer. Calls that come together are one. */
  async #connect(): Promise<Connected | null> {
    if (this.#connected !== null) return this.#connected;
    this.#connecting ??= this.#look().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #look(): Promise<Connected | null> {
    const { clock, environment, logger } = this.#options;
    const found = await findEngine(this.#options);
    if (found === null) return null;
    logger?.info(`containers run on ${found.told}`);
    this.#connected = { ...found, pulls: imagePulls(found.engine, clock, (image) => registryAuth(image, environment)) };
    return this.#connected;
  }

  /** Null while the engine is out of reach: see D2. */
  async #containers(): Promise<readonly ContainerFacts[] | null> {
    try {
      const connected = await this.#connect();
      return connected === null ? null : await connected.engine.list(this.place);
    } catch (error) {
      this.#options.logger?.debug("containers could not be listed", { error: messageOf(error) });
      return null;
    }
  }

  /** One that was made and not started is not there yet: whoever launches it finds it by its name. */
  #foundOf({ id, name, labels, state }: ContainerFacts): Found | null {
    const { [LABELS.place]: place, [LABELS.job]: jobId, [LABELS.attempt]: attempt } = labels;
    if (place !== this.place || jobId === undefined || attempt === undefined || state === "created") return null;
    // What has ended counts as running until its end was taken in.
    return { name, jobId, attempt: Number(attempt), ref: id, state: "running" };
  }

  #foundByNote(name: string): Found | null {
    const note = this.#notes.readLaunch(name);
    if (note === null || note.id === null) return null;
    return { name, jobId: note.jobId, attempt: note.attempt, ref: note.id, state: "running" };
  }

  #keyOf(name: string): string {
    return `${this.place}/${name}`;
  }

  async #rest(restMs: number): Promise<void> {
    if (this.#close.signal.aborted) return;
    const woken = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(restMs, woken.resolve);
    this.#close.signal.addEventListener("abort", () => woken.resolve(), { once: true });
    await woken.promise;
    cancel();
  }
}

/** What aborts a launch when a stop comes while it is under way. */
class LaunchStopped extends Error {
  readonly stopFor: Parameters<Executor["stop"]>[2];
  constructor(stopFor: Parameters<Executor["stop"]>[2]) {
    super("stopped while it was launched");
    this.stopFor = stopFor;
  }
}

function foundOfEnd(fact: EndedFact | null): Found | null {
  if (fact === null) return null;
  const { name, jobId, attempt, ref } = fact;
  return { name, jobId, attempt, ref, state: "ended" };
}

/** Its note was lost: what it runs under is told by its labels, its limits are not. */
function noteOfContainer({ id, name, labels }: ContainerFacts): LaunchNote | null {
  const { [LABELS.job]: jobId, [LABELS.attempt]: attempt } = labels;
  if (jobId === undefined || attempt === undefined) return null;
  return {
    name,
    jobId,
    attempt: Number(attempt),
    image: "",
    timeoutMs: null,
    graceMs: 0,
    memoryLimitBytes: null,
    promisesOutput: false,
    id,
  };
}
