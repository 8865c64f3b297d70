/**
 * Lets one after the other look, in the order in which they came: claims of this process that are asked for at once. The second finds the
 * rows of the first locked and passes them over, so each gives what stands behind what the one before gave; what they do then
 * goes on beside each other.
 */
export interface Turn {
  /** Resolves when all who came before have passed. */
  readonly come: Promise<void>;
  /** Lets the next one look. Whoever has a turn calls it, whatever happens. */
  readonly pass: () => void;
}

export function inTurn(): () => Turn {
  let last = Promise.resolve();
  return () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const come = last;
    last = promise;
    // Not before its own turn has come.
    return { come, pass: () => void come.then(resolve) };
  };
}
