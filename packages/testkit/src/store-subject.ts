/** How the parts of the contract suite of stores reach the store of the running test. */
import type { Store } from "@windlass/ports";

export interface Subject {
  readonly store: Store;
}

/** Sessions that are open in each test; a session that is not open claims nothing. */
export const OPEN_SESSIONS = ["ses_1", "ses_2"] as const;
