/** Records of jobs that only have to be stored: checked, their images pinned, their secrets there. Each on its own merits. */
import type { JobRecord } from "@windlass/kernel";
import { withPinnedImages } from "./admit-image.ts";
import type { EngineContext } from "./context.ts";
import { disabledAmong } from "./disabled-definitions.ts";
import { asksForSecrets, demandSecrets } from "./given-secrets.ts";
import { recordOf, type SubmitRequest } from "./submit.ts";

/** The record of each request in order, or why it is refused or could not be made. */
export async function preparedRecords(context: EngineContext, requests: readonly SubmitRequest[]): Promise<readonly (JobRecord | Error)[]> {
  const checked = requests.map((request) => {
    try {
      return recordOf(context, request);
    } catch (error) {
      if (error instanceof Error) return error;
      throw error;
    }
  });
  const refusal = await disabledAmong(
    context,
    // One with a key may have been made before, which only the store knows (kernel, A4).
    checked.filter((record): record is JobRecord => !(record instanceof Error) && record.idempotencyKey === null),
  );
  const asked = checked.map((record) => (record instanceof Error || record.idempotencyKey !== null ? record : (refusal(record) ?? record)));
  const asking = asked.some((record) => !(record instanceof Error) && asksForSecrets(context, record));
  if (context.images === undefined && !asking) return asked;
  return Promise.all(asked.map((record) => prepared(context, record)));
}

async function prepared(context: EngineContext, record: JobRecord | Error): Promise<JobRecord | Error> {
  if (record instanceof Error) return record;
  try {
    const pinned = context.images === undefined ? record : await withPinnedImages(context, record);
    if (asksForSecrets(context, pinned)) await demandSecrets(context, pinned);
    return pinned;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}
