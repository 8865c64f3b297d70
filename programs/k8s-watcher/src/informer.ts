/**
 * Keeps up with one kind of object of a cluster: a list, then a watch from its version on.
 *
 * I1. Whoever listens is told every object that is there, and each of its later versions that the cluster still tells; what
 *     went while nobody listened is told by the list that follows, which names all that is there.
 * I2. Nothing is ever given up: what fails is tried again with growing rests, and all is listed anew now and then.
 * I3. A version that the cluster has forgotten (410) leads to a list, at once.
 */
import type { IncomingMessage } from "node:http";
import { hasCode, isJsonObject, messageOf, minutes, seconds, WindlassError, type JsonObject } from "@windlass/kernel";
import { isAccepted, refusalOf, type ClusterClient } from "@windlass/kubernetes";
import { allBytes, linesOf } from "@windlass/ports";
import { delayOf, rest, type Machine } from "./machine.ts";

export interface InformerOptions {
  readonly client: ClusterClient;
  /** Of the metrics and the log: `jobs`, `pods`. */
  readonly what: string;
  readonly path: string;
  readonly selector?: string;
  /** It may be that we have no right to it: then it is asked for again now and then, and nothing waits for it. */
  readonly isOptional?: boolean;
  /** False: the cluster sends no bookmarks of this kind, so that a watch may say nothing for as long as it lasts. */
  readonly hasBookmarks?: boolean;
  readonly relistMs?: number;
  readonly onObject: (object: JsonObject) => void;
  /** It was told as it went, with its last version. */
  readonly onGone: (object: JsonObject) => void;
  /** UIDs of all that is there. */
  readonly onListed: (uids: ReadonlySet<string>) => void;
}

export interface Informer {
  readonly what: string;
  /** Nothing waits for it. */
  readonly isOptional: boolean;
  /** Resolves after the first list, or once it is known that we have no right to it. */
  readonly listed: Promise<void>;
  /** Whether it keeps up at this moment. */
  readonly isCurrent: () => boolean;
  readonly done: Promise<void>;
}

const PAGE = 500;
const RELIST_MS: number = minutes(10);
/** The cluster ends a watch after this; it is begun anew from where it was. */
const WATCH_SECONDS = 300;
/** Bookmarks come each minute: a connection that says nothing for longer is dead. */
const SILENT_MS: number = seconds(150);
/** Without them only one that has outlasted its watch is known to be: that is twice as long at most. */
const SILENT_WITHOUT_BOOKMARKS_MS: number = seconds(2 * WATCH_SECONDS + 60);
/** A right that we do not have may be given one day. */
const RIGHT_AGAIN_MS: number = minutes(5);

type Left = "expired" | "relist" | "ended" | "no right";

export function informer(options: InformerOptions, machine: Machine): Informer {
  const first = Promise.withResolvers<void>();
  const state = { isCurrent: false };
  const run = async (): Promise<void> => {
    let failures = 0;
    let hadRight = true;
    while (!machine.signal.aborted) {
      try {
        const version = await listAll(options, machine);
        if (version === null) {
          first.resolve();
          state.isCurrent = false;
          if (hadRight) machine.logger.warn(`no right to list ${options.what}; what they would tell is missing`, { path: options.path });
          hadRight = false;
          await rest(RIGHT_AGAIN_MS, machine);
          continue;
        }
        first.resolve();
        state.isCurrent = true;
        hadRight = true;
        failures = 0;
        await watchAll(options, { version, machine, state });
      } catch (error) {
        state.isCurrent = false;
        failures++;
        if (machine.signal.aborted) break;
        machine.metrics.restart(options.what, whyLeft(error));
        machine.logger.warn(`the list of ${options.what} failed; it is asked for again`, { error: messageOf(error), failures });
        await rest(delayOf(failures, machine), machine);
      }
    }
    first.resolve();
  };
  const { what, isOptional = false } = options;
  return { what, isOptional, listed: first.promise, isCurrent: () => state.isCurrent, done: run() };
}

/** The version that a watch goes on from; null: no right. */
async function listAll(options: InformerOptions, { signal }: Machine): Promise<string | null> {
  const uids = new Set<string>();
  for (let next = ""; ;) {
    const query = { limit: PAGE, ...selection(options), ...(next === "" ? {} : { continue: next }) };
    const answer = await options.client.call("GET", options.path, { query, signal });
    if (answer.status === 403 && options.isOptional === true) return null;
    // The list has become too old while it was read: from the beginning.
    if (answer.status === 410 && next !== "") {
      next = "";
      uids.clear();
      continue;
    }
    if (!isAccepted(answer)) throw refused(options, refusalOf(answer));
    const body = isJsonObject(answer.body) ? answer.body : {};
    const metadata = isJsonObject(body["metadata"]) ? body["metadata"] : {};
    for (const object of Array.isArray(body["items"]) ? body["items"].filter(isJsonObject) : []) {
      uids.add(uidOf(object));
      options.onObject(object);
    }
    next = typeof metadata["continue"] === "string" ? metadata["continue"] : "";
    if (next !== "") continue;
    options.onListed(uids);
    return textOf(metadata["resourceVersion"]);
  }
}

interface Watching {
  readonly version: string;
  readonly machine: Machine;
  readonly state: { isCurrent: boolean };
}

/** Returns when all is to be listed anew. */
async function watchAll(options: InformerOptions, { version, machine, state }: Watching): Promise<void> {
  const { clock, random, signal, metrics, logger } = machine;
  const relistAt = clock.monotonic() + (options.relistMs ?? RELIST_MS) * (0.9 + 0.2 * random.next());
  const from = { version };
  let failures = 0;
  while (!signal.aborted) {
    const leftMs = relistAt - clock.monotonic();
    if (leftMs <= 0) return;
    try {
      const onHeard = (): void => {
        failures = 0;
        state.isCurrent = true;
      };
      const left = await watchOnce(options, { from, leftMs, machine, onHeard });
      // What went while its version was forgotten is not known before the next list.
      state.isCurrent = left !== "expired";
      if (left === "expired") {
        metrics.restart(options.what, "expired");
        return;
      }
      if (left === "relist" || left === "no right") return;
      metrics.restart(options.what, "ended");
    } catch (error) {
      if (signal.aborted) return;
      state.isCurrent = false;
      failures++;
      metrics.restart(options.what, whyLeft(error));
      logger.warn(`the watch of ${options.what} was cut; it is begun anew`, { error: messageOf(error), failures });
      await rest(delayOf(failures, machine), machine);
    }
  }
}

interface Once {
  readonly from: { version: string };
  readonly leftMs: number;
  readonly machine: Machine;
  readonly onHeard: () => void;
}

async function watchOnce(options: InformerOptions, { from, leftMs, machine, onHeard }: Once): Promise<Left> {
  const over = new AbortController();
  const end = (): void => over.abort();
  machine.signal.addEventListener("abort", end, { once: true });
  const cancel = machine.clock.after(leftMs, end);
  try {
    const stream = await options.client.stream("GET", options.path, {
      query: {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: from.version,
        timeoutSeconds: Math.ceil(WATCH_SECONDS * (1 + machine.random.next())),
        ...selection(options),
      },
      signal: over.signal,
      silentMsMax: options.hasBookmarks === false ? SILENT_WITHOUT_BOOKMARKS_MS : SILENT_MS,
    });
    return await readWatch(options, stream, { from, onHeard });
  } catch (error) {
    if (over.signal.aborted) return "relist";
    throw error;
  } finally {
    cancel();
    machine.signal.removeEventListener("abort", end);
    over.abort();
  }
}

/** More than some sentences is no refusal. */
const REFUSAL_BYTES_MAX = 1_048_576;

async function readWatch(
  options: InformerOptions,
  stream: IncomingMessage,
  { from, onHeard }: Pick<Once, "from" | "onHeard">,
): Promise<Left> {
  const status = stream.statusCode ?? 0;
  if (status === 410) return "expired";
  if (status === 403 && options.isOptional === true) return "no right";
  if (!isAccepted({ status })) {
    const bytes = await allBytes(stream as AsyncIterable<Uint8Array>, REFUSAL_BYTES_MAX);
    throw refused(options, { status, message: bytes.toString().slice(0, 300) });
  }
  for await (const line of linesOf(stream as AsyncIterable<Uint8Array>)) {
    if (line === "") continue;
    const told = JSON.parse(line) as { readonly type?: string; readonly object?: JsonObject };
    const object = told.object ?? {};
    if (told.type === "ERROR") {
      if (object["code"] === 410) return "expired";
      throw refused(options, { status: Number(object["code"] ?? 0), message: textOf(object["message"]) });
    }
    onHeard();
    if (told.type === "ADDED" || told.type === "MODIFIED") options.onObject(object);
    else if (told.type === "DELETED") options.onGone(object);
    const metadata = isJsonObject(object["metadata"]) ? object["metadata"] : {};
    if (typeof metadata["resourceVersion"] === "string") from.version = metadata["resourceVersion"];
  }
  return "ended";
}

/** Rights do not come by themselves. */
function whyLeft(error: unknown): "denied" | "failed" {
  return hasCode(error, "unauthorized") || hasCode(error, "forbidden") ? "denied" : "failed";
}

function selection({ selector }: InformerOptions): Readonly<Record<string, string>> {
  return selector === undefined ? {} : { labelSelector: selector };
}

function refused({ what }: InformerOptions, { status, message }: { readonly status: number; readonly message: string }): WindlassError {
  const code = status === 401 ? "unauthorized" : status === 403 ? "forbidden" : "unavailable";
  return new WindlassError(code, `the cluster refuses the ${what} (HTTP ${status}): ${message}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

export function uidOf(object: JsonObject): string {
  const { metadata } = object as { readonly metadata?: { readonly uid?: string } };
  return metadata?.uid ?? "";
}
