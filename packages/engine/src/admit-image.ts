/**
 * The image of an attempt as it is run: allowed, by its digest where tags are pinned, and signed where that is wanted. Attempts of one
 * job run the same digest: the one of its specification, else the one that an attempt before ran, as its evidence says.
 */
import { isJsonObject, type JobRecord, type Json, type JsonObject, type LiveJob, type Result } from "@windlass/kernel";
import type { EngineContext } from "./context.ts";
import type { Place } from "./place.ts";

const EXECUTORS: ReadonlySet<string> = new Set(["docker", "kubernetes"]);

/** The image that a specification names, if it is one of a container. */
function imageOf({ executor, spec }: Pick<JobRecord, "executor" | "spec">): string | null {
  const { image } = spec;
  return EXECUTORS.has(executor) && typeof image === "string" ? image : null;
}

export async function admittedImage(
  { context }: Place,
  record: JobRecord,
  live: LiveJob,
): Promise<{ readonly record: JobRecord } | { readonly refused: Result }> {
  const image = imageOf(record);
  if (context.images === undefined || image === null) return { record };
  const admitted = await context.images.admit((await ranBefore(context, record, live)) ?? image);
  if ("refused" in admitted) return admitted;
  // The evidence of the attempt names what ran, by its tag here.
  if (admitted.unpinned !== null)
    context.logger.warn("an image is run by its tag, not by its digest", { job: record.id, image, why: admitted.unpinned });
  return { record: { ...record, spec: { ...record.spec, image: admitted.image } } };
}

async function ranBefore({ store }: EngineContext, { id }: JobRecord, { attempt }: LiveJob): Promise<string | null> {
  if (attempt === 1) return null;
  const before = await store.reads.attempts(id);
  const images = before.flatMap(({ evidence }) => (isJsonObject((evidence ?? null) as Json) ? [(evidence as JsonObject)["image"]] : []));
  return images.find((one): one is string => typeof one === "string" && one.includes("@sha256:")) ?? null;
}

/** What is said of the images that it names and that are not run here. */
export function forbiddenImages(context: EngineContext, asked: Pick<JobRecord, "executor" | "spec" | "kind">): readonly string[] {
  return context.images === undefined ? [] : namedImages(context, asked).flatMap((image) => context.images?.fault(image) ?? []);
}

function namedImages(context: EngineContext, asked: Pick<JobRecord, "executor" | "spec" | "kind">): readonly string[] {
  const image = imageOf(asked);
  return image === null ? (context.kindOf(asked.kind)?.images?.(asked.spec) ?? []) : [image];
}

/** As it is stored: with the digests of the images that it names, as far as their registries answer now. */
export async function withPinnedImages(context: EngineContext, record: JobRecord): Promise<JobRecord> {
  const { images } = context;
  if (images === undefined) return record;
  const named = namedImages(context, record);
  if (named.length === 0) return record;
  const pinned = new Map(await Promise.all(named.map(async (one) => [one, (await images.pin(one)).image] as const)));
  const own = imageOf(record);
  if (own !== null) return { ...record, spec: { ...record.spec, image: pinned.get(own) ?? own } };
  return { ...record, spec: context.kindOf(record.kind)?.withImages?.(record.spec, pinned) ?? record.spec };
}
