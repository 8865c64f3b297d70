/** `jobs …` about many jobs at once. */
import { JOB_KINDS, jobStates } from "@windlass/kernel";
import { Option, type Command } from "commander";
import type { Performing } from "../program.ts";
import { duration, json, pair, several, whole } from "./option-values.ts";

const BULK_MAX = 10_000;

export function addBulkCommands(jobs: Command, perform: Performing): void {
  narrowed(jobs.command("counts").description("how many jobs there are, by state, kind or queue"))
    .addOption(new Option("--by <what>", "what is counted").choices(["state", "kind", "queue"]).default("state"))
    .option("--roots", "without the steps of executions")
    .action(perform(async () => (await import("../commands/count-jobs.ts")).countJobs));
  jobs
    .command("submit-many")
    .description(
      "submit the jobs of a file: none when one of them is not valid, else each is stored or refused on its own; when it ends early, it says how far it came, and, where no job can be made twice by it, where to go on",
    )
    .argument(
      "<file>",
      "one job as JSON in each line, or a JSON or YAML list of jobs (windlass schema submission); - reads standard input to its end, then submits",
    )
    .action(perform(async () => (await import("../commands/submit-many.ts")).submitMany));
  jobs
    .command("resume")
    .description("let a parked job go on")
    .argument("<id>", "its id, the last characters of it, or `last`")
    .action(perform(async () => (await import("../commands/resume-job.ts")).resumeJob));
  jobs
    .command("complete")
    .description("end a parked job with the completion token that its handler gave out; no other token is needed")
    .argument("<completion-token>", "the token; - reads standard input")
    .option("--payload <json>", "the output of the job", json)
    .option("--failed <message>", "it failed, for this reason")
    .action(perform(async () => (await import("../commands/complete-job.ts")).completeJob));
  addCleanCommand(jobs, perform);
  bulk(jobs.command("cancel-many").description("ask for the end of all jobs that fit; look first with --dry-run"))
    .option("--message <text>", "why, for whoever looks later")
    .option("--grace <duration>", "between the polite signal and the hard one (10s)", duration)
    .action(perform(async () => (await import("../commands/bulk-jobs.ts")).cancelMany));
  bulk(jobs.command("retry-many").description("run all jobs that fit again; without --state those that ended without success")).action(
    perform(async () => (await import("../commands/bulk-jobs.ts")).retryMany),
  );
}

function addCleanCommand(jobs: Command, perform: Performing): void {
  jobs
    .command("clean")
    .description("tell of jobs that nobody will end any more, and why; with --yes they are ended. What runs is not touched")
    .requiredOption("--stuck", "those whose container or worker is gone, or whose time limit has long passed")
    .option("--older-than <duration>", "only if nothing has moved for so long (1h)", duration)
    .option("--yes", "end them")
    .option("-n, --limit <count>", "at most so many (1000)", whole(1, 1_000))
    .action(perform(async () => (await import("../commands/clean-jobs.ts")).cleanJobs));
}

function narrowed(command: Command): Command {
  return command
    .option("--state <state,…>", `only these: ${jobStates.join(", ")}`, several)
    .option("--outcome <outcome>", "only this one, for example failed_oom")
    .addOption(new Option("--kind <kind>", "only this one").choices(JOB_KINDS))
    .option("--name <name>", "only of this name")
    .option("--queue <queue>", "only of this queue")
    .option("-l, --label <key=value>", "only with this label", pair);
}

function bulk(command: Command): Command {
  return narrowed(command)
    .option("--all", "really all jobs of the workspace, instead of a filter")
    .option("--dry-run", "only say which jobs those are")
    .option("-n, --limit <count>", `at most so many, oldest first; up to ${BULK_MAX} (1000)`, whole(1, BULK_MAX));
}
