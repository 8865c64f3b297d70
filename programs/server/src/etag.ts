/**
 * Entity tags: what was read, told in a header, so that it is not sent again (`If-None-Match`) and not changed by somebody
 * who has read something older (`If-Match`). A tag is the object's revision, where it has one, and a hash of the answer:
 * figures of a queue change without its revision, so only the hash can say that the answer is the same.
 */
import { isTaggedRead, type Operation } from "@windlass/contract";
import { WindlassError, type Expected } from "@windlass/kernel";

const HASH_LENGTH = 22;

/** A tag for the answers of single objects; lists have none. */
export function isTagged(operation: Operation): boolean {
  return isTaggedRead(operation) || operation.conditional;
}

export function tagOf(result: unknown, text: string, sha256: (text: string) => string): string {
  const hash = sha256(text).slice(0, HASH_LENGTH);
  const revision = revisionOf(result);
  return revision === null ? `"${hash}"` : `"${revision}-${hash}"`;
}

/** `If-None-Match` of a read. */
export function isFresh(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//u, "") === tag);
}

/** From `If-Match` and `If-None-Match` of a change. Throws `bad_request` for what means nothing to this operation. */
export function expectedOf(
  operation: Operation,
  headers: { readonly ifMatch: string | undefined; readonly ifNoneMatch: string | undefined },
): Expected {
  const { ifMatch, ifNoneMatch } = headers;
  if (operation.method === "GET" || (ifMatch === undefined && ifNoneMatch === undefined)) return null;
  // To go on without looking would be the very thing that the caller wanted to keep from happening.
  if (!operation.conditional)
    throw new WindlassError("bad_request", `${operation.id} knows neither If-Match nor If-None-Match; leave them out`);
  if (ifNoneMatch !== undefined) {
    if (ifNoneMatch.trim() === "*" && ifMatch === undefined) return 0;
    throw new WindlassError(
      "bad_request",
      'with a change, If-None-Match can only be *: "make it only if it is not there"; without If-Match',
    );
  }
  const text = (ifMatch ?? "").trim();
  if (text === "*") return "any";
  const revision = /^"(\d{1,15})(?:-[0-9a-z]+)?"$/u.exec(text)?.[1];
  if (revision === undefined)
    throw new WindlassError("bad_request", `If-Match is ${text.slice(0, 100)}; it must be one ETag of an earlier answer, like "3", or *`);
  return Number(revision);
}

/** `revision` of a queue, `version` of a workflow; also of the workflow or schedule within an answer. */
function revisionOf(result: unknown): number | null {
  if (typeof result !== "object" || result === null) return null;
  const { revision, version, workflow, schedule } = result as {
    readonly revision?: unknown;
    readonly version?: unknown;
    readonly workflow?: unknown;
    readonly schedule?: unknown;
  };
  const found = revision ?? version;
  return typeof found === "number" ? found : revisionOf(workflow ?? schedule);
}
