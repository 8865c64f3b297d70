/** The bus of one process: listeners are called at once, in the order in which they subscribed. */
import type { Bus, Topic } from "@windlass/ports";

export function localBus(): Bus {
  const listeners = new Map<Topic, Set<(key: string) => void>>();
  return {
    publish(topic, key) {
      for (const listener of listeners.get(topic) ?? []) listener(key);
    },
    subscribe(topic, listener) {
      const own = (key: string): void => listener(key);
      const set = listeners.get(topic) ?? new Set();
      listeners.set(topic, set.add(own));
      return () => void set.delete(own);
    },
    async close() {
      listeners.clear();
    },
  };
}
