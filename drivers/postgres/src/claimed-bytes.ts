/** How much of what may be claimed one claim gives, on PostgreSQL. */
import type { LiveJob } from "@windlass/kernel";
import { fittingClaim, type KnownRecords } from "@windlass/sql";
import type { Querier } from "./connection.ts";

/** What a claim has given. */
export interface Given {
  readonly jobs: number;
  readonly bytes: number;
}

export interface Fitting {
  readonly candidates: readonly LiveJob[];
  readonly bytesOf: (job: LiveJob) => number;
}

/** PostgreSQL knows it without reading the texts. */
const BYTES = "SELECT id, octet_length(spec) + coalesce(octet_length(input), 0) FROM jobs WHERE id = ANY($1::text[])";

/** The first of them, as many as the claim may still give. Records that are known are small, and one alone always fits: these are not asked about. */
export async function fitting(
  db: Querier,
  all: readonly LiveJob[],
  { known, given }: { readonly known: KnownRecords; readonly given: Given },
): Promise<Fitting> {
  const asked = all.filter((live) => known.of(live) === undefined).map(({ id }) => id);
  const isAlone = all.length === 1 && given.jobs === 0;
  const rows = asked.length === 0 || isAlone ? [] : await db.rows(BYTES, [asked]);
  const bytes = new Map(rows.map(([id, count]) => [id as string, count as number]));
  const bytesOf = ({ id }: LiveJob): number => bytes.get(id) ?? 0;
  return { candidates: fittingClaim(all, bytesOf, given), bytesOf };
}
