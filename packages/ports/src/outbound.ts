/**
 * Calls to servers of others.
 *
 * N1. An address that is not to be called from here (this machine, its link, unless that is allowed) is never connected to,
 *     also when a name resolves to it only at the moment of the call.
 * N2. Nothing is followed: an answer that points elsewhere is the answer.
 */
export interface OutboundCall {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Of the whole call. */
  readonly timeoutMs: number;
}

export interface OutboundAnswer {
  readonly status: number;
  /** The beginning of the body. */
  readonly text: string;
  /** The header of that name, as it came. */
  readonly retryAfter?: string | undefined;
}

export interface Outbound {
  /** Throws with what kept it from being answered. */
  post(call: OutboundCall): Promise<OutboundAnswer>;
  /** Why this address is never called from here, as far as its text tells; null: it may be. */
  fault(url: string): string | null;
}
