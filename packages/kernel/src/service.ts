/**
 * What runs in the background, and how it is started and stopped. Pure: it only orders calls.
 *
 * V1. `start` and `stop` may be called in any order, any number of times, also while the other is under way; the last
 *     call wins, and each promise resolves when what it asked for (or what a later call asked for) is so.
 * V2. When `stop` has resolved, nothing of the service runs any more.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Makes a service of an `open` that gives back how to close it; keeps V1 and V2 for it. An `open` that may take long (it
 * waits for somebody) is told by `unwanted` that a stop was asked for meanwhile; then it leaves nothing behind and gives null.
 */
export function serviceOf(name: string, open: (unwanted: AbortSignal) => Promise<(() => Promise<void>) | null>): Service {
  let close: (() => Promise<void>) | null = null;
  let wanted = false;
  let working = false;
  let work: Promise<void> = Promise.resolve();
  let opening: AbortController | null = null;
  const settle = async (): Promise<void> => {
    try {
      while (wanted !== (close !== null)) {
        if (close === null) {
          opening = new AbortController();
          close = await open(opening.signal);
        } else {
          const closing = close;
          await closing();
          close = null;
        }
      }
    } finally {
      // In the same turn as the last look at `wanted`, so that no call falls between the two.
      working = false;
    }
  };
  const want = (value: boolean): Promise<void> => {
    wanted = value;
    if (!value) opening?.abort();
    if (!working) {
      working = true;
      work = settle();
    }
    return work;
  };
  const stop = async (): Promise<void> => {
    try {
      await want(false);
    } catch (error) {
      // A start that failed meanwhile has left nothing to stop; whoever started it is told.
      if (close !== null || wanted) throw error;
    }
  };
  return { name, start: () => want(true), stop };
}
