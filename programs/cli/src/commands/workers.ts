/** `windlass workers list`, `get` */
import type { WorkerJson } from "@windlass/contract";
import { formatDuration } from "@windlass/kernel";
import { allPages } from "../connection/all-pages.ts";
import { connect } from "../connection/connect.ts";
import { fields, now, presentTable } from "../output/api-object.ts";
import { agoOf } from "../output/job-lines.ts";
import { present } from "../output/present.ts";
import { printable } from "../output/style.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function listWorkers(call: Call): Promise<void> {
  const { client } = connect(call);
  const answer = await allPages(client.workers.list);
  const at = now();
  await presentTable<WorkerJson>(call, answer, {
    columns: [
      { title: "ID", value: (worker) => worker.id },
      { title: "ROLE", value: (worker) => worker.role },
      { title: "HOST", value: (worker) => worker.host ?? "", elastic: true },
      { title: "SERVES", value: servesOf, elastic: true },
      { title: "RUNNING", value: (worker) => String(worker.running) },
      { title: "SINCE", value: (worker) => agoOf(worker.since, at) },
      { title: "REPORTS WITHIN", value: (worker) => withinOf(worker, at) },
      { title: "TOKEN", value: (worker) => worker.token ?? "", wide: true },
      { title: "PLACE", value: (worker) => worker.place ?? "", wide: true },
    ],
    rows: answer.items,
    none: "Nobody is connected.",
  });
}

export async function getWorker(call: Call): Promise<void> {
  const worker = await connect(call).client.workers.get({ id: argumentOf(call, 0) });
  await present(
    call,
    worker,
    () =>
      fields(call, [
        ["worker", worker.id],
        ["role", worker.role],
        ["host", worker.host ?? ""],
        ["token", worker.token ?? ""],
        ["place", worker.place ?? ""],
        ["serves", servesOf(worker)],
        ["since", agoOf(worker.since, now())],
        ["reports", reportsOf(worker, now())],
        ["running", String(worker.running)],
      ]) + worker.jobs.map((job) => `  ${job.id}  ${printable(job.name)}  ${job.state}, attempt ${job.attempt}\n`).join(""),
  );
}

/** One that was killed has no more than that until its jobs are given to others; then it is there until somebody has done so. */
export function withinOf({ expiresAt }: Pick<WorkerJson, "expiresAt">, at: number): string {
  const left = Date.parse(expiresAt) - at;
  return left <= 0 ? EXPIRED : formatDuration(left);
}

const EXPIRED = "expired";

/** The same, in a sentence. */
export function reportsOf(worker: Pick<WorkerJson, "expiresAt">, at: number): string {
  const within = withinOf(worker, at);
  return within === EXPIRED
    ? "not any more: it has expired, and what it holds is about to be given to others"
    : `within ${within}, or what it holds is lost`;
}

function servesOf({ serves }: WorkerJson): string {
  return serves
    .map(({ executor, queue, handlers = [] }) =>
      [executor, queue === null ? "" : ` of ${queue}`, handlers.length === 0 ? "" : `: ${handlers.join(", ")}`].join(""),
    )
    .join("; ");
}
