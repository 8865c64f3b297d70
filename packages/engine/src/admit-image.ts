/**
 * The images of an attempt as they are run: allowed, by their digests where tags are pinned, and signed where that is wanted. Attempts
 * of one job run the same digests: those of its specification, else (its main container) the one that an attempt before ran, as its
 * evidence says. On a cluster the containers beside the main one count too; a raw patch of a pod may name no image at all, since
 * nothing here could say what comes of it.
 */
import {
  imageInPatch,
  isJsonObject,
  withContainerImages,
  type Fault,
  type JobRecord,
  type Json,
  type JsonObject,
  type LiveJob,
  type Result,
} from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import type { Place } from "./place.ts";

const EXECUTORS: ReadonlySet<string> = new Set(["docker", "kubernetes"]);

/** The image that a specification names, if it is one of a container. */
function imageOf({ executor, spec }: Pick<JobRecord, "executor" | "spec">): string | null {
  const { image } = spec;
  return EXECUTORS.has(executor) && typeof image === "string" ? image : null;
}

/** Each once; the main container's first. */
function imagesOf({ executor, spec }: Pick<JobRecord, "executor" | "spec">): readonly string[] {
  const found = new Set<string>();
  withContainerImages(spec, executor === "kubernetes", (image) => {
    found.add(image);
    return image;
  });
  return [...found];
}

/** Where a patch of its pod names an image. */
function patchedIn({ executor, spec }: Pick<JobRecord, "executor" | "spec">): readonly string[] {
  const { kubernetes } = spec;
  const place = executor === "kubernetes" && isJsonObject(kubernetes) ? imageInPatch(kubernetes["pod"]) : null;
  return place === null ? [] : [`spec.kubernetes.pod.${place}`];
}

const PATCHED = "a patch of a pod names no image where this server has rules on images; put the container into init_containers or sidecars";

export async function admittedImage(
  { context }: Place,
  record: JobRecord,
  live: LiveJob,
): Promise<{ readonly record: JobRecord } | { readonly refused: Result }> {
  const main = imageOf(record);
  if (context.images === undefined || main === null) return { record };
  const [patch] = patchedIn(record);
  if (patch !== undefined) return { refused: { outcome: "failed_config", reason: "image_not_allowed", message: `${patch}: ${PATCHED}` } };
  const ran = await ranBefore(context, record, live);
  const atSubmit = await namedAtSubmit(context, record);
  const run = new Map<string, string>();
  for (const image of imagesOf(record)) {
    const known = (image === main && ran !== null && isSameName(ran, image) ? ran : null) ?? (atSubmit.has(image) ? image : null);
    const admitted = await context.images.admit(image, digestOf(known));
    if ("refused" in admitted) return admitted;
    // The evidence of the attempt names what ran, by its tag here.
    if (admitted.unpinned !== null)
      context.logger.warn("an image is run by its tag, not by its digest", { job: record.id, image, why: admitted.unpinned });
    run.set(image, admitted.image);
  }
  return { record: { ...record, spec: withImageNames(record, run) } };
}

function withImageNames({ executor, spec }: JobRecord, names: ReadonlyMap<string, string>): JsonObject {
  return withContainerImages(spec, executor === "kubernetes", (image) => names.get(image) ?? image);
}

/** By its digest. */
async function ranBefore({ store }: EngineContext, { id }: JobRecord, { attempt }: LiveJob): Promise<string | null> {
  if (attempt === 1) return null;
  const before = await store.reads.attempts(id);
  const images = before.flatMap(({ evidence }) => (isJsonObject((evidence ?? null) as Json) ? [(evidence as JsonObject)["image"]] : []));
  return images.find((one): one is string => typeof one === "string" && digestOf(one) !== null) ?? null;
}

/**
 * What the job that was submitted names: it was looked at then, and the digests that it has beside its tags were found then. What an
 * expression gave was not: anybody may have written its digest.
 */
async function namedAtSubmit(context: EngineContext, record: JobRecord): Promise<ReadonlySet<string>> {
  if (imagesOf(record).every((image) => digestOf(image) === null)) return new Set();
  const root = record.parentId === null ? record : (await context.store.reads.get(record.rootId))?.record;
  return new Set(root === undefined ? [] : namedImages(context, root));
}

function digestOf(image: string | null): string | null {
  return image === null ? null : (/@(sha256:[0-9a-f]{64})$/u.exec(image)?.[1] ?? null);
}

/** Whether what ran, by its whole name, is what this one, maybe a short one, names. */
function isSameName(ran: string, image: string): boolean {
  const [name = ""] = ran.split("@");
  const [asked = ""] = image.split("@");
  const untagged = asked.replace(/:[^/:]*$/u, "");
  return name.replace(/:[^/:]*$/u, "") === untagged || name.endsWith(`/${untagged}`);
}

type Asked = Pick<JobRecord, "executor" | "spec" | "kind">;

/** What is said of the images that it names and that are not run here. */
export function forbiddenImages(context: EngineContext, asked: Asked): readonly Fault[] {
  const { images } = context;
  if (images === undefined) return [];
  const patches = imageOf(asked) === null ? (context.kindOf(asked.kind)?.patchedImages?.(asked.spec) ?? []) : patchedIn(asked);
  return [
    ...namedImages(context, asked).flatMap((image): readonly Fault[] => {
      const message = images.fault(image);
      return message === null ? [] : [{ path: "spec.image", message }];
    }),
    ...patches.map((path) => ({ path, message: `${path}: ${PATCHED}` })),
  ];
}

function namedImages(context: EngineContext, asked: Asked): readonly string[] {
  return imageOf(asked) === null ? (context.kindOf(asked.kind)?.images?.(asked.spec) ?? []) : imagesOf(asked);
}

/** As it is stored: with the digests of the images that it names, as far as their registries answer now. */
export async function withPinnedImages(context: EngineContext, record: JobRecord): Promise<JobRecord> {
  const { images } = context;
  if (images === undefined) return record;
  const named = namedImages(context, record);
  if (named.length === 0) return record;
  const pinned = new Map(await Promise.all(named.map(async (one) => [one, (await images.pin(one)).image] as const)));
  if (imageOf(record) !== null) return { ...record, spec: withImageNames(record, pinned) };
  return { ...record, spec: context.kindOf(record.kind)?.withImages?.(record.spec, pinned) ?? record.spec };
}
