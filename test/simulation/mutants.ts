/**
 * Known ways to break the core, planted one at a time: in `file`, each `from` (which must occur exactly once) becomes `to`.
 * The simulation must catch each. They are texts, not switches: production code has no test hooks.
 */
export interface Mutant {
  readonly name: string;
  /** What goes wrong in the world when the code is like this. */
  readonly story: string;
  /** What has to catch it; the scenario of jobs when left out. */
  readonly of?: "schedules";
  readonly edits: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: "lost wake",
    story: "a decision marks facts as seen that came while it was being made",
    edits: [
      {
        file: "packages/kernel/src/apply.ts",
        from: "set.writes.factsSeen.set(live.id, change.seen);",
        to: "set.writes.factsSeen.set(live.id, live.wakes);",
      },
      { file: "packages/kernel/src/apply.ts", from: "decided: change.seen,", to: "decided: live.wakes," },
    ],
  },
  {
    name: "double join",
    story: "two processes decide about the same execution, and both decisions count",
    edits: [
      {
        file: "packages/kernel/src/apply.ts",
        from: "if (live.decided !== change.decided)",
        to: "if (live.decided > change.decided + 1_000_000)",
      },
    ],
  },
  {
    name: "settle before the launcher's record",
    story: "the end of an attempt is refused because its launch is not recorded yet",
    edits: [
      {
        file: "packages/kernel/src/told.ts",
        from: "return live.externalRef === null || by.ref === null",
        to: "return by.ref === null",
      },
    ],
  },
  {
    name: "create without record",
    story: "an attempt is launched under a name that is not stored first, so a successor launches it again under another",
    edits: [
      {
        file: "packages/engine/src/reconcile-place.ts",
        from: "null : { record, live: mine };",
        to: "null : { record, live: { ...mine, externalName: `${mine.externalName}-${mine.token}` } };",
      },
    ],
  },
  {
    name: "zombie create",
    story: "a launcher that was frozen starts again what has ended, and nobody ends it",
    edits: [{ file: "packages/engine/src/reconcile-place.ts", from: 'await place.executor.stop(item.name, 0, "cancelled");', to: "" }],
  },
  {
    name: "cancel against insert",
    story: "a child is made under a parent that is being stopped",
    edits: [{ file: "packages/kernel/src/apply.ts", from: 'if (parent.state === "stopping" &&', to: 'if (parent.state === "waiting" &&' }],
  },
  {
    name: "over-admission of a key",
    story: "a job starts although its key is full",
    edits: [{ file: "packages/kernel/src/admission.ts", from: "if (roomOf(key) === 0)", to: "if (roomOf(key) < 0)" }],
  },
  {
    name: "stale settle after retry",
    story: "the late result of an attempt ends the attempt that followed it",
    edits: [
      {
        file: "packages/kernel/src/told.ts",
        from: "if (live.attempt !== change.attempt) return `",
        to: "if (live.attempt < change.attempt) return `",
      },
      {
        file: "packages/kernel/src/told.ts",
        from: 'return by.token === live.token && live.holder === "lease"',
        to: 'return live.holder === "lease"',
      },
      { file: "packages/kernel/src/told.ts", from: "if (by.name !== live.externalName)", to: "if (live.externalName === null)" },
    ],
  },
  {
    name: "feed gap",
    story: "a listener that lags behind another is never told what lies between them",
    edits: [{ file: "packages/engine/src/feed.ts", from: "(a < b ? a : b)", to: "(a > b ? a : b)" }],
  },
  {
    name: "expire after start",
    story: "a start deadline ends a job that was started long ago and waits for its next attempt",
    edits: [
      {
        file: "packages/kernel/src/transition.ts",
        from: "return live.attempt === 0 ? live.startDeadline : null;",
        to: "return live.startDeadline;",
      },
    ],
  },
  {
    name: "stuck stopping",
    story: "a job that was told to stop can no longer be taken from a worker that died",
    edits: [
      {
        file: "packages/kernel/src/transition.ts",
        from: 'if (live.holder === "none") return refuse("conflict", "nobody holds it");',
        to: 'if (live.holder === "none" || live.state === "stopping") return refuse("conflict", "nobody holds it");',
      },
    ],
  },
  {
    name: "slot leaked on a refused settle",
    story: "a worker's slot is freed only when its result was accepted",
    edits: [
      {
        file: "packages/engine/src/worker.ts",
        from: "if (runs.get(id) === run) runs.delete(id);",
        to: "if (end !== null && (await ends.results.settle(changeOfEnd(end, job.live, { now: context.now(), random: () => 0 })))?.ok !== true) return null; runs.delete(id);",
      },
    ],
  },
  {
    name: "key kept after the end",
    story: "a job that ended keeps its concurrency key",
    edits: [
      {
        file: "packages/kernel/src/working-set.ts",
        from: "if (step.releasesKey && before.concurrencyKey !== null)",
        to: "if (step.releasesKey && step.next !== null && before.concurrencyKey !== null)",
      },
    ],
  },
  {
    name: "no promotion",
    story: "a job that was blocked by a key stays blocked when the key is free",
    edits: [
      {
        file: "packages/kernel/src/admission.ts",
        from: "return Math.max(0, key.limit - key.holders.size);",
        to: "return key.limit > key.holders.size ? 0 : 0;",
      },
    ],
  },
  {
    name: "claim reply lost",
    story: "what was claimed by a call whose reply was lost stays held for ever",
    edits: [
      {
        file: "packages/engine/src/claims.ts",
        from: "if (await giveBackUnknown(context, options)) suspected.loss = true;",
        to: "",
      },
    ],
  },
  {
    name: "launch not adopted",
    story: "an attempt whose launcher died between claim and record is never taken up",
    edits: [
      {
        file: "packages/engine/src/reconcile-place.ts",
        from: "return !others.has(live.session) && isAbandoned(place, live, name) ? adopt(place, live, seen) : undefined;",
        to: "return;",
      },
    ],
  },
  {
    name: "over-admission of a rate",
    story: "one more attempt starts than the bucket of its queue holds",
    edits: [
      {
        file: "packages/kernel/src/rate.ts",
        from: "return Math.floor((rate.limit * interval - spentOf",
        to: "return Math.floor(((rate.limit + 1) * interval - spentOf",
      },
    ],
  },
  {
    name: "rate of a key not spent",
    story: "what a fairness key started is not taken from its bucket",
    edits: [
      {
        file: "packages/kernel/src/admission.ts",
        from: "spend(used, keyRateLimit, live.fairnessKey);",
        to: "spend(used, null, live.fairnessKey);",
      },
    ],
  },
  {
    name: "over-admission of a fairness key",
    story: "a fairness key runs more attempts than its limit",
    edits: [
      {
        file: "packages/kernel/src/admission.ts",
        from: "return roomUnder({ limit: keyConcurrencyLimit, rate: keyRateLimit }",
        to: "return roomUnder({ limit: keyConcurrencyLimit === null ? null : keyConcurrencyLimit + 1, rate: keyRateLimit }",
      },
    ],
  },
  {
    name: "turn forgotten",
    story: "each claim begins with the first key again, so that its many jobs starve the single one of another",
    edits: [
      {
        file: "drivers/sql/src/candidates.ts",
        from: "this.of(executor, queue).after = fairnessKey;",
        to: 'this.of(executor, queue).after = fairnessKey === "" ? "" : "";',
      },
    ],
  },
  {
    name: "postponed occurrence lost",
    story: "the end of a job that came while its schedule was being decided about wakes nothing that waits for it",
    of: "schedules",
    edits: [
      {
        file: "packages/kernel/src/schedule-record.ts",
        from: "const again = wakes !== dispatch.wakes && cursor.waiting.length > 0;",
        to: "const again = wakes < 0 && dispatch.wakes > 0;",
      },
    ],
  },
  {
    name: "end not counted",
    story: "the end of a job does not make its schedule due, though an occurrence waits for it",
    of: "schedules",
    edits: [
      {
        file: "packages/kernel/src/schedule-record.ts",
        from: "return waiting.length === 0 ? nextAt : Math.min(nextAt ?? now, now);",
        to: "return waiting.length === 0 ? nextAt : Math.max(nextAt ?? now, now);",
      },
    ],
  },
  {
    name: "two dispatchers",
    story: "two dispatchers decide about the same time of a schedule, and both decisions count",
    of: "schedules",
    edits: [
      {
        file: "drivers/sqlite/src/schedules.ts",
        from: "const counts = isStillRight(dispatch, before.get(dispatch.scheduleId), disabled) &&",
        to: "const counts = before.has(dispatch.scheduleId) &&",
      },
    ],
  },
  {
    name: "time lost in a change",
    story: "what was due before a change is passed over by it",
    of: "schedules",
    edits: [
      {
        file: "modules/schedules/src/change-cursor.ts",
        from: "if (times.length === 0 && past.length === 0 && pastExcluded.length === 0) return NOTHING;",
        to: "if (times.length < 1_000_000 || past.length === 0 || pastExcluded.length === 0) return NOTHING;",
      },
    ],
  },
  {
    name: "taken in and dropped",
    story: "a job that was acknowledged is removed from the intake and stands in no table",
    edits: [{ file: "drivers/sqlite/src/intake.ts", from: "taken.filter(isAlive) : taken)", to: "[] : [])" }],
  },
];
