/**
 * Has an image ready: looks whether it is there, and pulls it as its policy says. However many attempts wait for an image,
 * it is pulled once. What a registry refuses is told with its own words, sorted into reasons that can be acted upon.
 */
import { WindlassError, type ContainerSpec, type Reason, type Result } from "@windlass/kernel";
import type { Clock, LaunchProgress } from "@windlass/ports";
import type { ContainerEngine } from "./container-engine.ts";
import { pullLine, pullProgress } from "./pull-progress.ts";

/** A registry that sends nothing for so long is as good as gone. */
const SILENT_MS_MAX = 120_000;
/** Progress is told so often at most: each is an event. */
const TELL_MS = 2_000;

export interface ImagePulls {
  /** Null: it is there. Throws `unavailable` when the engine does not answer, and what `signal` was aborted with. */
  have(spec: ContainerSpec, wait: { readonly signal: AbortSignal; readonly tell: LaunchProgress }): Promise<Result | null>;
}

interface Pull {
  readonly done: Promise<Result | null>;
  readonly listeners: Set<LaunchProgress>;
  readonly end: AbortController;
}

export function imagePulls(engine: ContainerEngine, clock: Clock, authFor: (image: string) => string | null): ImagePulls {
  const pulls = new Map<string, Pull>();

  const begin = (image: string): Pull => {
    const listeners = new Set<LaunchProgress>();
    const end = new AbortController();
    const tell: LaunchProgress = (progress) => listeners.forEach((listener) => listener(progress));
    const done = pull(engine, image, { clock, end, tell, auth: authFor(image) }).finally(() => pulls.delete(image));
    const made = { done, listeners, end };
    pulls.set(image, made);
    return made;
  };

  return {
    async have({ image, pullPolicy = "missing" }, { signal, tell }) {
      if (pullPolicy !== "always" && (await isThere(engine, image))) return null;
      if (pullPolicy === "never")
        return failed("image_not_present", `the image ${image} is not there, and its pull policy says never to pull it`);
      const joined = pulls.get(image) ?? begin(image);
      joined.listeners.add(tell);
      const stopped = Promise.withResolvers<never>();
      const onAbort = (): void => stopped.reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      if (signal.aborted) onAbort();
      try {
        return await Promise.race([joined.done, stopped.promise]);
      } finally {
        signal.removeEventListener("abort", onAbort);
        joined.listeners.delete(tell);
        // Nobody wants it any more.
        if (joined.listeners.size === 0) joined.end.abort(new Error("nobody waits for the image any more"));
      }
    },
  };
}

async function isThere(engine: ContainerEngine, image: string): Promise<boolean> {
  // What is no name of an image is said so by the pull.
  return /\s/u.test(image) ? false : engine.hasImage(image).catch((error: unknown) => isRefusedName(error));
}

function isRefusedName(error: unknown): boolean {
  if (error instanceof WindlassError && /invalid reference|normalizing/iu.test(error.message)) return false;
  throw error;
}

interface PullContext {
  readonly clock: Clock;
  readonly end: AbortController;
  readonly tell: LaunchProgress;
  readonly auth: string | null;
}

async function pull(engine: ContainerEngine, image: string, { clock, end, tell, auth }: PullContext): Promise<Result | null> {
  const silent = new Error(`the registry sent nothing for ${SILENT_MS_MAX / 1000} s`);
  let cancel = clock.after(SILENT_MS_MAX, () => end.abort(silent));
  const progress = pullProgress(image);
  let toldAt = Number.NEGATIVE_INFINITY;
  try {
    const response = await engine.pull(image, end.signal, auth);
    if ("refused" in response) return pullFailure(image, response.refused.message);
    let rest = "";
    for await (const part of response as AsyncIterable<Uint8Array>) {
      cancel();
      cancel = clock.after(SILENT_MS_MAX, () => end.abort(silent));
      const lines = (rest + Buffer.from(part).toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const said = pullLine(line);
        if (said.error !== undefined) return pullFailure(image, said.error);
        progress.add(said);
      }
      if (clock.monotonic() - toldAt >= TELL_MS) {
        toldAt = clock.monotonic();
        tell(progress.read());
      }
    }
    const last = pullLine(rest);
    if (last.error !== undefined) return pullFailure(image, last.error);
    // An engine that broke off without a word has not pulled it.
    return (await engine.hasImage(image)) ? null : pullFailure(image, "the engine ended the pull, and the image is not there");
  } catch (error) {
    if (end.signal.reason === silent) return failed("registry_unreachable", `the image ${image} could not be pulled: ${silent.message}`);
    throw error;
  } finally {
    cancel();
  }
}

/** What the engine or the registry said, sorted. */
export function pullFailure(image: string, said: string): Result {
  return failed(reasonOf(said), `the image ${image} could not be pulled: ${said}`);
}

function reasonOf(said: string): Reason {
  if (/invalid reference format|invalid image name|normalizing (?:name|image)|repository name must be lowercase/iu.test(said))
    return "image_name_invalid";
  if (/unauthorized|denied|authentication required|forbidden|no basic auth/iu.test(said)) return "image_unauthorized";
  if (/manifest unknown|name unknown|not found|no such image|does not exist/iu.test(said)) return "image_not_found";
  if (
    /refused|no such host|time-?out|dial tcp|unreachable|TLS|x509|HTTP response to HTTPS|EOF|reset by peer|temporary failure/iu.test(said)
  )
    return "registry_unreachable";
  return "image_pull_failed";
}

function failed(reason: Reason, message: string): Result {
  return { outcome: "failed_image_pull", reason, message };
}
