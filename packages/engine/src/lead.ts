/** Who does a chore: one process at a time, to save work. Guards nothing: what leaders do is guarded by itself. */
import type { EngineContext } from "./context.ts";

export interface Lead {
  readonly chore: string;
  readonly session: () => string;
  /** How long others wait for a leader that has died. */
  readonly leadMs: number;
}

/** Answers whether this process leads now; asks the store only when half of the lead is over. */
export function leadership(context: EngineContext, { chore, session, leadMs }: Lead): () => Promise<boolean> {
  let until = 0;
  let under = "";
  return async () => {
    const now = context.now();
    if (under === session() && until - now > leadMs / 2) return true;
    const leads = await context.store.sessions.lead(chore, session(), now, now + leadMs);
    until = leads ? now + leadMs : 0;
    under = session();
    return leads;
  };
}
