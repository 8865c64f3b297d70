/** Time, handed in. Nothing that decides reads a clock; what waits asks this one. */
export interface Clock {
  /** Milliseconds since 1970 (UTC). May jump: for dates and for what is compared with the store. */
  now(): number;
  /** Milliseconds that never go back: for durations. */
  monotonic(): number;
  /** Calls back once after `delayMs`; the returned function takes it back. Does not keep the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Random numbers and bytes, handed in. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  bytes(count: number): Uint8Array;
}

/** SHA-256 of a text as UTF-8, in lower-case hexadecimal. */
export type Sha256 = (text: string) => string;
