/** Who does a chore: one process at a time, to save work. Guards nothing: what leaders do is guarded by itself. */
import type { EngineContext } from "./context.ts";

export interface Lead {
  readonly chore: string;
  readonly session: () => string;
  /** How long others wait for a leader that has died. */
  readonly leadMs: number;
}

/** Answers whether this process leads now; asks the store only when half of the lead is over, by a clock that nobody sets. */
export function leadership(context: EngineContext, { chore, session, leadMs }: Lead): () => Promise<boolean> {
  let until = 0;
  let under = "";
  return async () => {
    const at = context.clock.monotonic();
    if (under === session() && until - at > leadMs / 2) return true;
    const now = context.now();
    const leads = await context.store.sessions.lead(chore, session(), now, now + leadMs);
    until = leads ? at + leadMs : 0;
    under = session();
    return leads;
  };
}
