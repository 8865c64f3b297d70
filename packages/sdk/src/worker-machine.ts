/** Time and chance of the machine that a worker runs on, from what Node and browsers share. */
export interface Machine {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that never go back. */
  monotonic(): number;
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back in this turn of the event loop, behind everything that is ready now. */
  soon(callback: () => void): void;
  /** In [0, 1). */
  random(): number;
  bytes(count: number): Uint8Array;
  sha256(text: string): Promise<string>;
}

export const machine: Machine = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (callback) => void setImmediate(callback),
  random: () => Math.random(),
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  async sha256(text) {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
    return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  },
};
