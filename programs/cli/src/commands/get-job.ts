/** `windlass jobs get` */
import type { AttemptJson, JobDetailJson } from "@windlass/contract";
import { connect } from "../connection/connect.ts";
import { findJob } from "../connection/find-job.ts";
import { agoOf, stepsBlock, tookOf } from "../output/job-lines.ts";
import { fields, now } from "../output/api-object.ts";
import { clusterBlock } from "../output/evidence-lines.ts";
import { isForPeople, present } from "../output/present.ts";
import { printable, styleOfState } from "../output/style.ts";
import { argumentOf, type Call } from "../tree/call.ts";

export async function getJob(call: Call): Promise<void> {
  const { client } = connect(call);
  const id = await findJob(client, argumentOf(call, 0));
  const job = await client.jobs.get({ id });
  const attempts = isForPeople(call.format) ? (await client.jobs.attempts({ id })).items : [];
  await present(call, job, (wide) => describe(call, job, { attempts, wide }));
}

function describe(
  call: Call,
  job: JobDetailJson,
  { attempts, wide }: { readonly attempts: readonly AttemptJson[]; readonly wide: boolean },
): string {
  const { style } = call.terminal;
  const at = now();
  const text = fields(call, [
    ["id", job.id],
    ["name", job.name],
    ["kind", job.kind],
    ["state", job.state, styleOfState(job.state).colour],
    ["outcome", job.outcome === null || job.outcome === job.state ? "" : job.outcome],
    ["reason", job.reason === null || job.reason === "ok" ? "" : job.reason],
    ["message", job.message ?? ""],
    ["exit code", String(job.exitCode ?? "")],
    [
      "progress",
      job.progress === null
        ? ""
        : `${job.progress.fraction === null ? "" : `${Math.round(job.progress.fraction * 100)} % `}${job.progress.text ?? ""}`,
    ],
    ["waits for", job.waitingFor ?? ""],
    ["next", job.nextAt ?? ""],
    ["queue", job.queue],
    ["position", job.position === null ? "" : `number ${job.position} in order`],
    [
      "labels",
      Object.entries(job.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join(", "),
    ],
    ["part of", job.parentId === null ? "" : job.rootId],
    ["created", `${job.createdAt} (${agoOf(job.createdAt, at)})`],
    ["took", tookOf(job, at)],
    ["input", job.input === null ? "" : JSON.stringify(job.input)],
    ["output", job.output === null ? "" : JSON.stringify(job.output)],
    ["spec", wide ? JSON.stringify(job.spec) : ""],
  ]);
  const steps = job.steps === undefined || job.steps.length === 0 ? "" : `${style("dim", "steps:")}\n${stepsBlock(job.steps, style, at)}`;
  const tries =
    attempts.length < 2 && !wide
      ? ""
      : `${style("dim", "attempts:")}\n${attempts.map((attempt) => `  ${attemptText(attempt, at)}\n`).join("")}`;
  return text + steps + tries + clusterBlock(attempts.at(-1)?.evidence ?? undefined, style);
}

function attemptText(attempt: AttemptJson, at: number): string {
  const took = tookOf({ startedAt: attempt.startedAt, finishedAt: attempt.endedAt }, at);
  return `${attempt.number}  ${attempt.outcome ?? attempt.phase}  ${printable(attempt.message ?? "")}  ${took}`.trimEnd();
}
