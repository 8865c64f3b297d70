/**
 * How many jobs a tree has: the bound on what workflows that run each other may come to. A job alone is bounded by its
 * children; a tree of them is not, and nobody holds a number of it. So it is counted now and then, and what this process
 * adds in between is added up: several servers may go beyond the bound by what they add between two counts, and no further.
 */
import { WindlassError } from "@windlass/kernel";

/** Ten times what one job may have at once in a small tree; a larger one is work for a queue, not a graph. */
const TREE_JOBS_MAX = 200_000;
/** Trees remembered: those that are busy at once. */
const TREES_MAX = 1_000;
/** Part of the bound that may be added before it is counted again. */
const BETWEEN_COUNTS = 0.1;

export interface TreeSizes {
  /** Adds children that are about to be made. Throws `too_many_jobs`. */
  add(rootId: string, children: number): Promise<void>;
}

/** `count`: how many jobs a tree has, counted no further than to the number given. */
export function treeSizes(count: (rootId: string, max: number) => Promise<number>, max: number = TREE_JOBS_MAX): TreeSizes {
  const trees = new Map<string, { size: number; added: number }>();
  return {
    async add(rootId, children) {
      let tree = trees.get(rootId);
      if (tree === undefined || tree.added + children > max * BETWEEN_COUNTS) tree = { size: await count(rootId, max + 1), added: 0 };
      trees.delete(rootId);
      if (tree.size + children > max)
        throw new WindlassError("too_many_jobs", `its tree would have more than ${max} jobs; put the work into several executions`);
      trees.set(rootId, { size: tree.size + children, added: tree.added + children });
      const [oldest] = trees.size > TREES_MAX ? trees.keys() : [];
      if (oldest !== undefined) trees.delete(oldest);
    },
  };
}
