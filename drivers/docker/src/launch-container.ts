/**
 * One launch: the image, the container, the start. May be repeated and broken off anywhere.
 *
 * H1. The engine takes a name once: two launches of it never make two containers.
 * H2. A container that was made and not started is started by whoever made it. Its maker may have died, with the order to
 *     start it still under way; whoever takes it over waits first, since one that was started and has ended would run again.
 * H3. What is refused leaves nothing behind.
 */
import { maskOf, NO_SECRETS, WindlassError, type ContainerSpec, type Result } from "@windlass/kernel";
import type { Clock, EndedFact, Launched, LaunchRequest } from "@windlass/ports";
import type { AttemptNotes, LaunchNote } from "./attempt-notes.ts";
import { resultOfRefusedStart } from "./container-ending.ts";
import { LABELS, type ContainerDetails, type ContainerEngine } from "./container-engine.ts";
import { createBody, OUTPUT_ENTRIES, type HostRules } from "./create-body.ts";
import type { ImagePulls } from "./pull-image.ts";
import { withSecretsInside } from "./secrets-inside.ts";
import { tarOf } from "./tar-file.ts";

export interface LaunchContext {
  readonly engine: ContainerEngine;
  readonly notes: AttemptNotes;
  readonly pulls: ImagePulls;
  readonly rules: HostRules;
  readonly clock: Clock;
  /** Aborted by a stop. */
  readonly signal: AbortSignal;
  /** True when this process made the container of the name. */
  readonly isOurs: (name: string) => boolean;
  readonly onMade: (name: string) => void;
  /** It runs, or has run: look after it. */
  readonly adopt: (request: LaunchRequest, note: LaunchNote, container: { readonly id: string; readonly startedAt: number | null }) => void;
  /** It could never run, as the engine says. */
  readonly onEnded: (fact: EndedFact) => void;
}

/** An order to start a container takes an engine seconds at most. */
const TAKE_OVER_MS = 3_000;

export async function launchContainer(request: LaunchRequest, spec: ContainerSpec, context: LaunchContext): Promise<Launched> {
  const { engine, notes, signal } = context;
  const known = await engine.inspect(request.name);
  if (known !== null) return launchKnown(request, spec, { ...context, known });
  const end = notes.readEnd(request.name);
  if (end !== null) return { ref: end.ref };
  const note = noteOf(request, spec);
  notes.writeLaunch(note);
  const missing = await context.pulls.have(spec, { signal, tell: request.tell ?? (() => {}) });
  if (missing !== null) return refuse(context, request.name, missing);
  signal.throwIfAborted();
  const made = await engine.create(request.name, createBody(request, spec, context.rules));
  if ("refused" in made) {
    const { status, message } = made.refused;
    // A name that is taken since, or an image that is gone since: the next try sees it.
    if (status === 409 || (status === 404 && /image/iu.test(message))) throw new WindlassError("unavailable", message);
    const result = resultOfRefusedStart(made.refused);
    if (result === null) throw new WindlassError("unavailable", `the container engine could not make the container: ${message}`);
    return refuse(context, request.name, result.reason === "bad_working_dir" ? result : { ...result, reason: "bad_spec" });
  }
  context.onMade(request.name);
  notes.writeLaunch({ ...note, id: made.id });
  return start(request, { ...note, id: made.id }, { ...context, id: made.id });
}

/** A container of this name is there: of this attempt, or somebody else's. */
async function launchKnown(
  request: LaunchRequest,
  spec: ContainerSpec,
  context: LaunchContext & { readonly known: ContainerDetails },
): Promise<Launched> {
  const { known, engine, clock, isOurs } = context;
  if (known.labels[LABELS.job] !== request.jobId || known.labels[LABELS.attempt] !== String(request.attempt))
    throw new WindlassError("conflict", `the container ${request.name} is there and is not the one of this attempt`);
  const note = { ...noteOf(request, spec), id: known.id };
  if (known.state !== "created") {
    const mask = withSecretsInside(request.mask ?? NO_SECRETS, note, known);
    context.adopt({ ...request, mask }, note, { id: known.id, startedAt: known.startedAt });
    return { ref: known.id };
  }
  if (!isOurs(request.name)) {
    // See H2.
    await new Promise<void>((resolve) => void clock.after(TAKE_OVER_MS, resolve));
    const now = await engine.inspect(request.name);
    context.onMade(request.name);
    if (now === null || now.state !== "created") return launchContainer(request, spec, context);
  }
  context.notes.writeLaunch(note);
  return start(request, note, { ...context, id: known.id });
}

async function start(request: LaunchRequest, note: LaunchNote, context: LaunchContext & { readonly id: string }): Promise<Launched> {
  const { engine, notes, clock, signal, id } = context;
  signal.throwIfAborted();
  // An image that cannot be written into has no file for the output; stdout remains.
  await engine.putFiles(id, tarOf(OUTPUT_ENTRIES));
  const startedAt = clock.now();
  const refused = await engine.start(id);
  if (refused === null) {
    context.adopt(request, note, { id, startedAt });
    return { ref: id };
  }
  const said = resultOfRefusedStart(refused);
  const result =
    said === null ? null : { ...said, message: said.message === null ? null : maskOf(request.mask ?? NO_SECRETS).text(said.message) };
  if (result === null) throw new WindlassError("unavailable", `the container engine could not start the container: ${refused.message}`);
  const fact: EndedFact = {
    ...{ name: note.name, jobId: note.jobId, attempt: note.attempt, ref: id, result, stopped: false },
    ...{ startedAt, endedAt: startedAt },
  };
  notes.writeEnd(fact);
  context.onEnded(fact);
  return { ref: id };
}

async function refuse({ notes }: LaunchContext, name: string, result: Result): Promise<Launched> {
  await notes.remove(name);
  return { refused: result };
}

function noteOf({ name, jobId, attempt, timeoutMs, graceMs, secretEnvironment = {} }: LaunchRequest, spec: ContainerSpec): LaunchNote {
  const { image, memoryLimitBytes = null, output } = spec;
  const secretVariables = Object.keys(secretEnvironment);
  return {
    ...{ name, jobId, attempt, image, timeoutMs, graceMs, memoryLimitBytes, promisesOutput: output === "json", id: null },
    ...(secretVariables.length === 0 ? {} : { secretVariables }),
  };
}
