/**
 * A store that counts what it is asked: how long each call took, how many failed, and what commits and claims did. The one
 * place where that is done, so that no caller has to. It changes no answer.
 *
 * Where somebody traces, a call within a span is a span of its own.
 *
 * O1. The price is that of a call, never that of a job: a commit of 500 changes costs what one of a single change does.
 */
import { messageOf, type Span, type Tracing } from "@windlass/kernel";
import type { Clock, Store } from "@windlass/ports";
import { addTo, CALL_BUCKETS, spread, type Figures } from "./figures.ts";

/**
 * Parts of a store whose methods are calls: all but `heartbeats`, which are kept for long and end when a process does. What
 * is no part (`ping`, `timeOffset`) is asked by chores that tell of it themselves.
 */
export const OBSERVED = [
  ...["jobs", "reads", "queues", "deadLetters", "sessions", "definitions", "retention", "places"],
  ...["workspaces", "roles", "tokens", "audit", "secrets", "webhooks", "schedules", "answers", "feedPlaces"],
] as readonly Exclude<PartName, "heartbeats">[];

/** What of a store holds methods. */
type PartName = {
  [K in keyof Store]: Store[K] extends object ? (Store[K] extends (...values: never) => unknown ? never : K) : never;
}[keyof Store];

export interface Observing {
  readonly clock: Clock;
  readonly figures: Figures;
  readonly tracing: Tracing | null;
}

export function observed(store: Store, observing: Observing): Store {
  const { figures } = observing;
  const { jobs, schedules, ...parts } = timedParts(store, observing);
  return {
    ...store,
    ...parts,
    jobs: {
      ...jobs,
      async commit(changes, now) {
        const committed = await jobs.commit(changes, now);
        addTo(figures.commits, changes.length);
        figures.addTally(committed.tally);
        return committed;
      },
      async claim(request) {
        const claimed = await jobs.claim(request);
        figures.addTally(claimed.tally);
        return claimed;
      },
    },
    schedules: {
      ...schedules,
      async dispatch(dispatches, now) {
        const dispatched = await schedules.dispatch(dispatches, now);
        figures.addTally(dispatched.tally);
        return dispatched;
      },
    },
  };
}

function timedParts(store: Store, observing: Observing): Pick<Store, (typeof OBSERVED)[number]> {
  return Object.fromEntries(OBSERVED.map((part) => [part, timed(store[part], { ...observing, part })])) as unknown as Pick<
    Store,
    (typeof OBSERVED)[number]
  >;
}

type Call = (...values: readonly unknown[]) => Promise<unknown>;

function timed(port: object, { clock, figures, tracing, part }: Observing & { readonly part: string }): object {
  return Object.fromEntries(
    Object.entries(port as Readonly<Record<string, Call>>).map(([name, call]) => {
      const full = `${part}.${name}`;
      const took = spread(CALL_BUCKETS);
      figures.calls.set(full, took);
      const observe = (startedAt: number): void => addTo(took, clock.monotonic() - startedAt);
      const observedCall: Call = async (...values) => {
        const startedAt = clock.monotonic();
        const span = tracing === null ? null : callSpan(tracing, full);
        try {
          const result = await call.apply(port, values as unknown[]);
          span?.end();
          return result;
        } catch (error) {
          span?.end({ failed: messageOf(error) });
          figures.callsFailed.set(full, (figures.callsFailed.get(full) ?? 0) + 1);
          throw error;
        } finally {
          observe(startedAt);
        }
      };
      return [name, observedCall];
    }),
  );
}

/** Only within another span: what services ask by themselves would be traces of one span each, without end. */
function callSpan(tracing: Tracing, call: string): Span | null {
  if (tracing.active() === null) return null;
  return tracing.begin({ name: `store ${call}`, kind: "internal", parent: null, attributes: {} });
}
