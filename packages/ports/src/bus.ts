/**
 * Wake-ups between those who write and those who wait. A lost or late one costs time, never correctness:
 * whoever waits also looks at the store from time to time.
 */
export const TOPICS = ["ready", "held", "woken", "stopping", "timer", "events", "access", "ended", "webhooks", "schedules"] as const;
export type Topic = (typeof TOPICS)[number];

export interface Bus {
  /**
   * `key` narrows a topic: `handler/default` for `ready` and `held`, a session or place for `stopping`, `<place> <job> <name>` for `ended`; empty
   * otherwise, and where it is not known what was missed: then whoever listens looks.
   */
  publish(topic: Topic, key: string): void;
  /** The returned function ends the subscription. Listeners must not throw. */
  subscribe(topic: Topic, listener: (key: string) => void): () => void;
  close(): Promise<void>;
}
