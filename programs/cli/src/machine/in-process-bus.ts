/** Wake-ups within one process: the default bus. Listeners only note that there is something to look at, so they are called at once. */
import type { Bus, Topic } from "@windlass/ports";

export function inProcessBus(): Bus {
  const listeners = new Map<Topic, Set<(key: string) => void>>();
  return {
    publish(topic, key) {
      for (const listener of listeners.get(topic) ?? []) listener(key);
    },
    subscribe(topic, listener) {
      const own = (key: string): void => listener(key);
      const others = listeners.get(topic) ?? new Set();
      listeners.set(topic, others.add(own));
      return () => others.delete(own);
    },
    close: async () => listeners.clear(),
  };
}
