/**
 * What every store must do, whatever keeps it: each driver runs this suite. `open` gives an empty store.
 * The rules themselves are the kernel's and tested there; this asks whether a driver loads, locks and writes what they need.
 */
import { afterEach, beforeEach, describe } from "vitest";
import type { Store } from "@windlass/ports";
import { describeAccess } from "./store-contract-access.ts";
import { describeDecisions } from "./store-contract-advance.ts";
import { describeAnswers } from "./store-contract-answers.ts";
import { describeReadingAhead } from "./store-contract-ahead.ts";
import { describeClaims } from "./store-contract-claim.ts";
import { describeChanges } from "./store-contract-commit.ts";
import { describeFairness } from "./store-contract-fairness.ts";
import { describeHolders } from "./store-contract-holders.ts";
import { describeLetters } from "./store-contract-letters.ts";
import { describeReads } from "./store-contract-reads.ts";
import { describeSchedules } from "./store-contract-schedules.ts";
import { describeSecrets } from "./store-contract-secrets.ts";
import { describeSignals } from "./store-contract-signals.ts";
import { describeSmallStores } from "./store-contract-small.ts";
import { describeSpawner } from "./store-contract-spawner.ts";
import { describeTallies } from "./store-contract-tally.ts";
import { describeWebhooks } from "./store-contract-webhooks.ts";
import { describeWalks } from "./store-contract-walk.ts";
import { OPEN_SESSIONS, type Subject } from "./store-subject.ts";

export interface Opened {
  readonly store: Store;
  /** Ends the store and removes what it was kept in. */
  readonly remove: () => Promise<void>;
}

export function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`${name} keeps the contract of a store`, () => {
    let opened: Opened | null = null;
    const subject: Subject = {
      get store() {
        if (opened === null) throw new Error("the store is open only while a test runs");
        return opened.store;
      },
    };
    beforeEach(async () => {
      opened = await open();
      for (const id of OPEN_SESSIONS)
        await opened.store.sessions.open({ id, role: "worker", place: null, serves: [], startedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER });
    });
    afterEach(async () => {
      await opened?.remove();
      opened = null;
    });
    describeChanges(subject);
    describeClaims(subject);
    describeFairness(subject);
    describeReadingAhead(subject);
    describeHolders(subject);
    describeDecisions(subject);
    describeSignals(subject);
    describeLetters(subject);
    describeReads(subject);
    describeAnswers(subject);
    describeSmallStores(subject);
    describeAccess(subject);
    describeSecrets(subject);
    describeSpawner(subject);
    describeTallies(subject);
    describeWebhooks(subject);
    describeSchedules(subject);
    describeWalks(subject);
  });
}
