/** Whether NATS is there: a client that has lost it looks for it by itself, and meanwhile keeps what it is to send to itself. */
import type { Clock } from "@windlass/ports";
import type { NatsConnection } from "@nats-io/transport-node";

export interface Presence {
  /** False: it was not there within that time, or the connection is closed. At once where it is there. */
  within(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** `onChange` is called when it is lost, and when it is found. */
export function presence(
  connection: NatsConnection,
  { clock, onChange }: { readonly clock: Clock; readonly onChange: () => void },
): Presence {
  let isThere = true;
  const waiting = new Set<() => void>();
  const tell = (): void => {
    onChange();
    for (const look of waiting) look();
  };
  const watch = async (): Promise<void> => {
    for await (const { type } of connection.status()) {
      if (type !== "disconnect" && type !== "reconnect") continue;
      isThere = type === "reconnect";
      tell();
    }
    isThere = false;
    tell();
  };
  void watch();
  const isNow = (): boolean => isThere && !connection.isClosed();
  return {
    async within(ms, signal) {
      if (isNow() || connection.isClosed()) return isNow();
      await new Promise<void>((resolve) => {
        const end = (): void => {
          waiting.delete(end);
          signal?.removeEventListener("abort", end);
          cancel();
          resolve();
        };
        const cancel = clock.after(ms, end);
        signal?.addEventListener("abort", end);
        waiting.add(end);
      });
      return isNow();
    },
  };
}
