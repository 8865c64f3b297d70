/** A call of an operation, however it came in: what is read of it, what is learnt of it on the way, and the answer that is one piece. */
import type { Headers } from "./authenticate.ts";
import type { SentBody } from "./read-json.ts";

export interface AskedCall {
  readonly method: string;
  readonly headers: Headers;
  /** From the path. */
  readonly params: Readonly<Record<string, string>>;
  /** From what follows the path. */
  readonly queries: () => Readonly<Record<string, readonly string[]>>;
  readonly sent: SentBody;
  /** Who is at the other end of the socket; null without one. */
  readonly address: string | null;
  /** Ends when the caller has gone. */
  readonly signal: AbortSignal;
  readonly noted: Noted;
}

/** What becomes known of a request while it is answered. */
export interface Noted {
  readonly requestId: string;
  operation: string;
  /** What tells the caller how many requests are left. */
  rateHeaders: Readonly<Record<string, string>> | undefined;
  /** In place of the headers that every answer has. */
  ownHeaders: Readonly<Record<string, string>> | undefined;
}

export interface PlainAnswer {
  readonly status: number;
  /** Besides those that every answer has (answer-headers.ts). */
  readonly headers: Readonly<Record<string, string>>;
  /** Null: there is no body. */
  readonly text: string | null;
}
