/** The operations by which somebody outside tells an execution what it waits for. */
import { presentJob } from "./present-job.ts";
import type { Asking, Handlers } from "./server-context.ts";

type SignalHandlers = Pick<Handlers<"jobs">, "signal" | "approve" | "reject">;

interface Said {
  readonly id: string;
  readonly approved: boolean;
  readonly step?: string | undefined;
  readonly comment?: string | undefined;
}

async function decide({ id, approved, step, comment = "" }: Said, { principal, jobs }: Asking): Promise<ReturnType<typeof presentJob>> {
  const said = comment.trim() === "" ? null : comment.trim();
  return presentJob(await jobs.get(await jobs.decide(id, { approved, by: principal.name, comment: said, step })));
}

export const signalHandlers: SignalHandlers = {
  async signal({ params: { id }, body: { name, data = null } }, { principal, jobs }) {
    await jobs.signal(id, { name, data, by: principal.name });
    return presentJob(await jobs.get(id));
  },
  approve: ({ params: { id }, body }, asking) => decide({ id, approved: true, ...body }, asking),
  reject: ({ params: { id }, body }, asking) => decide({ id, approved: false, ...body }, asking),
};
