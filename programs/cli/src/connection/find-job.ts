/** Ids as people give them: whole, the last characters of one, or `last`. */
import { isId, WindlassError } from "@windlass/kernel";
import type { Client } from "@windlass/sdk";

/** How many of the newest jobs are looked through for a shortened id. */
const LOOKED_AT_MAX = 500;
const SHORT_MIN = 4;

/** The id of the job that is meant. Throws `not_found`, and `usage` for what could mean several. */
export async function findJob(client: Client, given: string): Promise<string> {
  if (isId("job", given)) return given;
  if (given === "last") {
    const newest = (await client.jobs.list({ rootsOnly: true, limit: 1 })).items[0];
    if (newest === undefined)
      throw new WindlassError("not_found", "there is no job yet; make one: windlass run FILE, or windlass jobs submit -- COMMAND");
    return newest.id;
  }
  return endingWith(given, {
    what: "job",
    list: "windlass jobs list",
    among: async () => (await client.jobs.list({ limit: LOOKED_AT_MAX })).items,
  });
}

/** The same for a dead letter: `last` is the newest of those that are jobs. */
export async function findLetter(client: Client, given: string): Promise<string> {
  if (isId("job", given) || given.startsWith("notice_")) return given;
  if (given === "last") {
    const newest = (await client.deadLetters.list({ source: "job", limit: 1 })).items[0];
    if (newest === undefined) throw new WindlassError("not_found", "there is no dead letter of a job: none has failed for good");
    return newest.id;
  }
  return endingWith(given, {
    what: "dead letter",
    list: "windlass dead-letters list",
    among: async () => (await client.deadLetters.list({ limit: LOOKED_AT_MAX })).items,
  });
}

interface Looking {
  readonly what: string;
  /** What shows them. */
  readonly list: string;
  readonly among: () => Promise<readonly { readonly id: string; readonly name: string }[]>;
}

async function endingWith(given: string, { what, list, among }: Looking): Promise<string> {
  const end = given.replace(/^job_/u, "").toLowerCase();
  const fits = end.length < SHORT_MIN ? [] : (await among()).filter(({ id }) => id.endsWith(end));
  const [found, ...others] = fits;
  if (found === undefined) {
    throw new WindlassError(
      "not_found",
      `there is no ${what} "${given}"; give its id, at least ${SHORT_MIN} of its last characters, or \`last\` (${list} shows them)`,
    );
  }
  if (others.length > 0)
    throw new WindlassError(
      "usage",
      `"${given}" could be ${fits.map((job) => `${job.id} (${job.name})`).join(" or ")}; give more of its end`,
    );
  return found.id;
}
