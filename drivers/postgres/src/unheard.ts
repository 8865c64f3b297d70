/**
 * What becomes of what was sent whole, its COMMIT too, to a connection that was cut before the answer came.
 *
 * U1. A job has an id that no other has, and its row is made once. So when a transaction makes a job, its row says whether all of the
 *     transaction was stored.
 * U2. As long as the row is not there, the same may be done again, whole: should the first one be stored after all, because it was still on
 *     its way, one of both fails by the key of that row. So the row is looked for once more behind a second try that failed.
 * U3. Of what makes no job nobody knows: a signal that is sent again is there twice. It fails as `unavailable`, no part of it is tried again
 *     here, and whoever asked asks again under its guards.
 */
import { isWindlassError, messageOf } from "@windlass/kernel";

/** Thrown as the cause of `unavailable`. */
export class Unheard extends Error {
  override name = "Unheard";
  /** What it comes to if it was stored. */
  readonly result: unknown;

  constructor(result: unknown, cause: unknown) {
    super(`${messageOf(cause)}, and nobody knows whether it was stored`, { cause });
    this.result = result;
  }
}

/** Null: nothing was stored, or PostgreSQL has said why not. */
export function unheardOf(error: unknown): Unheard | null {
  return isWindlassError(error) && error.cause instanceof Unheard ? error.cause : null;
}

/** How one learns whether it was stored. */
interface Looking<T> {
  /** The id of a job that it makes; undefined: it makes none. */
  readonly made: (result: T) => string | undefined;
  readonly isThere: (id: string) => Promise<boolean>;
}

/** `store`, and whether it was stored where its answer never came. */
export async function untilHeard<T>(store: () => Promise<T>, { made, isThere }: Looking<T>): Promise<T> {
  try {
    return await store();
  } catch (error) {
    const unheard = unheardOf(error);
    const id = unheard === null ? undefined : made(unheard.result as T);
    if (unheard === null || id === undefined) throw error;
    // Where nobody can be asked, nobody knows.
    const isStored = (): Promise<boolean> => isThere(id).catch(() => Promise.reject(error));
    if (await isStored()) return unheard.result as T;
    return store().catch(async () => {
      if (await isStored()) return unheard.result as T;
      throw error;
    });
  }
}
