/**
 * What must be true of queues: no rate and no limit of a fairness key is exceeded, whoever claims, dies or lags; and one
 * tenant's many jobs delay another's single one by little.
 */
import type { JobEvent, JobView, RateLimit } from "@windlass/kernel";
import type { Account } from "./invariants.ts";
import { METERED, METERED_SETTINGS, SHARED, type World } from "./world.ts";

export function queuesHold(world: World, jobs: readonly JobView[], account: Account): string[] {
  return [...ratesHold(jobs, account), ...keysHold(jobs), ...turnsAreTaken(world, jobs, account)];
}

/** When attempts of these jobs started anew. One that goes on after it was parked was counted before. */
function startsOf(jobs: readonly JobView[], account: Account): number[] {
  return jobs.flatMap(({ record }) => freshStarts(account.events.get(record.id) ?? []).map(({ at }) => at)).toSorted((a, b) => a - b);
}

function freshStarts(events: readonly JobEvent[]): JobEvent[] {
  let resumed: number | null = null;
  return events.filter((event) => {
    if (event.type === "job.resumed") resumed = event.attempt;
    return event.type === "job.started" && event.attempt !== resumed;
  });
}

function ratesHold(jobs: readonly JobView[], account: Account): string[] {
  const metered = jobs.filter(({ record }) => record.queue === METERED);
  const keys = Map.groupBy(metered, ({ record }) => record.fairnessKey);
  keys.delete("");
  return [
    ...exceeded(METERED, METERED_SETTINGS.rateLimit, startsOf(metered, account)),
    ...[...keys].flatMap(([key, own]) => exceeded(`${METERED}, key ${key}`, METERED_SETTINGS.keyRateLimit, startsOf(own, account))),
  ];
}

/** In any span: what may start at once, and what comes back meanwhile. */
function exceeded(what: string, { limit, perSeconds }: RateLimit, starts: readonly number[]): string[] {
  for (const [i, from] of starts.entries())
    for (let k = i; k < starts.length; k++) {
      const span = (starts[k] ?? 0) - from;
      const allowed = limit + Math.floor((span * limit) / (perSeconds * 1_000));
      if (k - i + 1 > allowed) return [`${what}: ${k - i + 1} attempts started within ${span} ms, ${allowed} may`];
    }
  return [];
}

function keysHold(jobs: readonly JobView[]): string[] {
  const alive = jobs.filter(
    ({ record, live }) =>
      record.queue === METERED &&
      record.fairnessKey !== "" &&
      live !== null &&
      live.holder !== "none" &&
      !live.resumed &&
      (live.state === "running" || live.state === "stopping"),
  );
  return [...Map.groupBy(alive, ({ record }) => record.fairnessKey)].flatMap(([key, own]) =>
    own.length > METERED_SETTINGS.keyConcurrencyLimit ? [`${METERED}: ${own.length} attempts of key ${key} are alive`] : [],
  );
}

/** Starts of another key while a ready job waits for its turn: a round or two of each process, and of those that replaced one. */
const OTHERS_FIRST_MAX = 12;

function turnsAreTaken({ singles }: World, jobs: readonly JobView[], account: Account): string[] {
  return singles.flatMap((id) => {
    const events = account.events.get(id) ?? [];
    const from = events[0]?.at ?? Infinity;
    const until = events.find(({ type }) => type === "job.started" || type === "job.finished")?.at ?? Infinity;
    const others = jobs.filter(({ record }) => record.queue === SHARED && record.id !== id && !singles.includes(record.id));
    const before = startsOf(others, account).filter((at) => at > from && at < until).length;
    return before > OTHERS_FIRST_MAX ? [`${id} waits for its turn while ${before} jobs of another key were started`] : [];
  });
}
