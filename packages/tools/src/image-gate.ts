/**
 * Which images are run (ports, I1 and I2), from three rules: what is allowed, whether tags are pinned, and whose signature is wanted.
 *
 * A name that is pinned here is stored with its tag, so that a rule about tags still knows it at the launch. A tag beside a digest that
 * somebody else wrote says nothing, since only the digest is run: so such a rule takes it only where this server itself found the
 * digest. What is run is always the whole name as the rules read it, by its digest alone or by its tag alone: a short name or an id
 * would be for the engine to interpret, and older engines refuse a tag and a digest together.
 */
import { execFile } from "node:child_process";
import { messageOf, WindlassError, type Result } from "@windlass/kernel";
import type { AdmittedImage, Clock, ImageGate } from "@windlass/ports";
import { digestQuestions } from "./digest-questions.ts";
import { digestOfImage, type Registries } from "./image-digest.ts";
import { isAllowedImage, readImageName, readImagePattern, nameToRun, withDigest, type ImageName, type ImagePattern } from "./image-name.ts";

export interface ImageRules {
  /** Empty: all are. */
  readonly allow: readonly string[];
  readonly pin: boolean;
  /** Arguments of `cosign verify`; null: no signature is wanted. */
  readonly verify: readonly string[] | null;
}

interface GateRegistries extends Registries {
  readonly clock: Pick<Clock, "after">;
}

/** Cosign asks the registry, and for identities a log of the world's. */
const VERIFY_MS_MAX = 60_000;

/** Throws `usage` with a pattern that is none. */
export function imageGate({ allow, pin, verify }: ImageRules, registries: GateRegistries): ImageGate {
  const patterns = allow.map(patternOf);
  const digestNow = digestQuestions((name, signal) => digestOfImage(name, registries, signal), registries.clock);
  const faultOf = (image: string, names: readonly (ImageName | null)[]): string | null => {
    if (allow.length === 0 || names.some((name) => name !== null && isAllowedImage(name, patterns))) return null;
    return `the image ${image} is not run here: images.allow has ${allow.join(", ")}`;
  };
  const resolve = async (image: string): Promise<{ readonly image: string; readonly unpinned: string | null }> => {
    const name = readImageName(image);
    if (name === null || name.digest !== null) return { image, unpinned: name === null ? `${image} is the name of no image` : null };
    try {
      return { image: withDigest(name, await digestNow(name)), unpinned: null };
    } catch (error) {
      return { image, unpinned: messageOf(error) };
    }
  };
  const admitted = async (asked: string): Promise<AdmittedImage> => {
    if (verify === null && !pin) return { image: toRun(asked), unpinned: null };
    const { image, unpinned } = await resolve(asked);
    // What is allowed is the whole name; without that rule a short one is the engine's to find, as it was.
    if (verify === null) return { image: unpinned === null || allow.length > 0 ? toRun(image) : image, unpinned };
    if (unpinned !== null) {
      const message = `the signature of ${image} is wanted (images.verify), and its digest could not be had: ${unpinned}`;
      return { refused: { outcome: "failed_image_pull", reason: "registry_unreachable", message } };
    }
    return (await unverified(toRun(image), verify)) ?? { image: toRun(image), unpinned };
  };
  return {
    fault: (image) => faultOf(image, [readImageName(image)]),
    pin: async (image) => (pin ? resolve(image) : { image, unpinned: null }),
    async admit(image, digest) {
      const name = readImageName(image);
      const isKnown = name !== null && digest !== null && (name.digest === null || image.endsWith(`:${name.tag}@${digest}`));
      const refused = faultOf(image, isKnown ? [name, { ...name, digest: null }] : [name]);
      if (refused !== null) return { refused: { outcome: "failed_config", reason: "image_not_allowed", message: refused } };
      return admitted(isKnown ? withDigest(name, digest) : image);
    },
  };
}

/** Only where it is no name there is nothing else to run than what was written. */
function toRun(image: string): string {
  const name = readImageName(image);
  return name === null ? image : nameToRun(name);
}

function patternOf(text: string): ImagePattern {
  const pattern = readImagePattern(text);
  if (pattern !== null) return pattern;
  const nearest = nearestTo(text);
  throw new WindlassError(
    "usage",
    `images.allow has "${text}"; a pattern is REGISTRY/NAME, REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:…, with * in any part, such as ${nearest}`,
  );
}

function nearestTo(text: string): string {
  if (text === "*") return "*/*";
  const inHub = `docker.io/${text.includes("/") ? "" : "library/"}${text}`;
  return readImagePattern(inHub) === null ? "docker.io/library/*" : inHub;
}

async function unverified(image: string, rules: readonly string[]): Promise<{ readonly refused: Result } | null> {
  const said = await new Promise<string | null>((resolve) => {
    execFile("cosign", ["verify", ...rules, image], { timeout: VERIFY_MS_MAX }, (error, _stdout, stderr) => {
      if (error === null) return resolve(null);
      if (error.code === "ENOENT") return resolve("the program cosign is not there: install it on this host (images.verify)");
      resolve(error.killed === true ? `cosign did not end within ${VERIFY_MS_MAX / 1000} s` : stderr.trim().slice(-1_000) || error.message);
    });
  });
  if (said === null) return null;
  return { refused: { outcome: "failed_config", reason: "image_unverified", message: `the image ${image} is not verified: ${said}` } };
}
