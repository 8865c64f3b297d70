/**
 * Large outputs for those who decide: pure code cannot wait for a store, and which it will read is known by nothing but
 * deciding. So it decides with what is there, and once more with what it asked for.
 */
import { WindlassError, type Json, type OutputRef } from "@windlass/kernel";
import type { JobReads } from "@windlass/ports";
import type { Outputs } from "./job-kind.ts";

/** Thrown through the code that decides, to be caught here alone. */
class OutputsWanted extends Error {
  readonly refs: readonly OutputRef[];

  constructor(refs: readonly OutputRef[]) {
    super(`${refs.length} outputs have not been read yet`);
    this.refs = refs;
  }
}

export async function withOutputs<T>(reads: Pick<JobReads, "get">, decide: (outputs: Outputs) => T): Promise<T> {
  const known = new Map<string, Json>();
  const outputs: Outputs = (refs) => {
    const unknown = refs.filter(({ of }) => !known.has(of));
    if (unknown.length > 0) throw new OutputsWanted(unknown);
    return refs.map(({ of }) => known.get(of) ?? null);
  };
  for (;;) {
    try {
      return decide(outputs);
    } catch (error) {
      if (!(error instanceof OutputsWanted)) throw error;
      for (const { of } of error.refs) known.set(of, await outputOf(reads, of));
    }
  }
}

async function outputOf(reads: Pick<JobReads, "get">, id: string): Promise<Json> {
  const final = (await reads.get(id))?.final ?? null;
  // Trees are removed as a whole, so nobody who decides is without its children.
  if (final === null) throw new WindlassError("not_found", `the output of ${id} is not there any more`);
  return final.output;
}
