/** Whose logs are meant when somebody asks for those of a job: its own, or of one without executor those of all below it. */
import type { JobDetailJson } from "@windlass/contract";
import type { Client } from "@windlass/sdk";

export interface LogSource {
  readonly id: string;
  /** Which step or item it is; empty for the job itself. */
  readonly title: string;
  readonly executor: JobDetailJson["executor"];
}

const PAGE = 500;

/** Only what has begun, in the order in which it was made. */
export async function logSources(client: Client, job: JobDetailJson): Promise<readonly LogSource[]> {
  if (job.executor !== "none") return [{ id: job.id, title: "", executor: job.executor }];
  const below = job.parentId === null ? { rootId: job.id } : { parentId: job.id };
  const sources: LogSource[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const page: Awaited<ReturnType<Client["jobs"]["list"]>> = await client.jobs.list({
      ...below,
      order: "oldest",
      limit: PAGE,
      ...(cursor === "" ? {} : { cursor }),
    });
    for (const each of page.items)
      if (each.executor !== "none" && each.attempts > 0)
        sources.push({ id: each.id, title: each.key ?? each.name, executor: each.executor });
    cursor = page.nextCursor;
  }
  return sources;
}
