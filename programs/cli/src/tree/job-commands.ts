/** `jobs …`: the verbs that work on every kind of job. */
import { jobStates, ON_CONFLICT } from "@windlass/kernel";
import { Option, type Command } from "commander";
import type { Performing } from "../program.ts";
import { addBulkCommands } from "./bulk-commands.ts";
import { duration, json, pair, several, time, whole } from "./option-values.ts";
import { workOptions } from "./work-options.ts";

const LIST_MAX = 500;
const EVENTS_MAX = 1_000;
const LINES_MAX = 1_000_000;
const ID = "its id, the last characters of it, or `last`";

export function addJobCommands(program: Command, perform: Performing): void {
  const jobs = program.command("jobs").description("everything that runs is a job: submit, list, follow, cancel, retry, delete");
  addSubmit(jobs, perform);
  jobs
    .command("list")
    .description("jobs that nothing else made, newest first")
    .option("--all", "also the steps of executions")
    .option("--state <state,…>", `only these: ${jobStates.join(", ")}`, several)
    .option("--outcome <outcome>", "only this one, for example failed_oom")
    .option("--kind <kind>", "only this one: workflow, step, task …")
    .option("--name <name>", "only of this name")
    .option("--queue <queue>", "only of this queue")
    .option("-l, --label <key=value>", "only with this label", pair)
    .option("--parent <id>", "only the children of this job")
    .option("--root <id>", "only this job and all below it")
    .addOption(new Option("--order <order>", "which come first; newest when left out").choices(["newest", "oldest"]))
    .option("-n, --limit <count>", `how many, at most ${LIST_MAX} (50)`, whole(1, LIST_MAX))
    .option("--cursor <cursor>", "go on behind an earlier list: its nextCursor")
    .action(perform(async () => (await import("../commands/list-jobs.ts")).listJobs));
  jobs
    .command("get")
    .description("one job, with its steps and attempts")
    .argument("<id>", ID)
    .action(perform(async () => (await import("../commands/get-job.ts")).getJob));
  addLogs(jobs, perform);
  jobs
    .command("watch")
    .description("follow a job until its end; the exit code is 0 only when it succeeded")
    .argument("<id>", ID)
    .option("--no-logs", "without what it prints")
    .action(perform(async () => (await import("../commands/watch-job.ts")).watchJob));
  jobs
    .command("events")
    .description("what happened to one job, in order; of all jobs: windlass events list")
    .argument("<id>", ID)
    .option("--after <number>", "go on behind the event of this number", whole(0, LINES_MAX))
    .option("-n, --limit <count>", `how many, at most ${EVENTS_MAX} (500)`, whole(1, EVENTS_MAX))
    .action(perform(async () => (await import("../commands/job-events.ts")).listJobEvents));
  addCancel(jobs, perform);
  jobs
    .command("retry")
    .description("run a job that has ended again, as a new job")
    .argument("<id>", ID)
    .option("--wait", "wait for the end of the new job")
    .option("--watch", "wait, and show what happens")
    .action(perform(async () => (await import("../commands/retry-job.ts")).retryJob));
  addExplain(jobs, perform);
  addBulkCommands(jobs, perform);
  jobs
    .command("delete")
    .description("remove a job that has ended, all below it, and their logs")
    .argument("<id>", ID)
    .action(perform(async () => (await import("../commands/delete-job.ts")).deleteJob));
}

export function addLogs(parent: Command, perform: Performing): void {
  parent
    .command("logs")
    .description("what a job printed; of an execution, what its steps printed")
    .argument("<id>", ID)
    .option("-f, --follow", "go on until the job has ended")
    .option("--attempt <number>", "of this attempt; the newest when left out", whole(1, LINES_MAX))
    .option("-n, --tail <lines>", "only the last lines", whole(0, LINES_MAX))
    .option("--since <duration>", "only what was printed since, for example 10m", duration)
    .addOption(new Option("--stream <stream>", "only this one").choices(["stdout", "stderr"]))
    .option("--container <name>", "only this one; the main one when left out")
    .option("--all-containers", "of all, also init containers and sidecars, under their names")
    .option("--timestamps", "with the time of each line")
    .action(perform(async () => (await import("../commands/show-logs.ts")).showLogs));
}

export function addExplain(parent: Command, perform: Performing): void {
  parent
    .command("explain")
    .description("why a job does not run, or why it ended as it did, and what to do")
    .argument("<id>", ID)
    .action(perform(async () => (await import("../commands/explain-job.ts")).explainJob));
}

export function addCancel(parent: Command, perform: Performing): void {
  parent
    .command("cancel")
    .description("ask for the end of a job and of all below it")
    .argument("<id>", ID)
    .option("--message <text>", "why, for whoever looks later")
    .option("--grace <duration>", "between the polite signal and the hard one (10s)", duration)
    .option("--wait", "until it has ended")
    .action(perform(async () => (await import("../commands/cancel-job.ts")).cancelJob));
}

function addSubmit(jobs: Command, perform: Performing): void {
  workOptions(jobs.command("submit").description("submit one job: a command, or a handler of a worker"))
    .argument("[command...]", "after --: a program and its arguments")
    .option("--input <json>", "what the handler is given", json)
    .option("--name <name>", "how it is listed; the command or handler when left out")
    .option("-l, --label <key=value>", "a label; again for more", pair)
    .addOption(
      new Option(
        "--on-conflict <what>",
        "when its concurrency key is taken: wait in turn (queue), be skipped, or end those that have it",
      ).choices(ON_CONFLICT),
    )
    .option("--idempotency-key <key>", "a second submission under the same key answers with the first")
    .option("--delay <duration>", "start it so much later", duration)
    .option("--not-before <time>", "start it at this time or later", time)
    .option("--start-deadline <time>", "do not start it after this time", time)
    .option("--wait", "wait for the end; the exit code is 0 only when it succeeded")
    .option("--watch", "wait, and show what it prints")
    .addHelpText(
      "after",
      '\nExamples:\n  windlass jobs submit --watch -- sh -c "echo hello"\n  windlass jobs submit --handler resize --input \'{"width": 200}\'',
    )
    .action(perform(async () => (await import("../commands/submit-job.ts")).submitJob));
}
