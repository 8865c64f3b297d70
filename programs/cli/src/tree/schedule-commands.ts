/** `schedules …` */
import { CATCH_UP_POLICIES, OCCURRENCE_ORIGINS, OVERLAP_POLICIES } from "@windlass/kernel";
import { Option, type Command } from "commander";
import type { Performing } from "../program.ts";
import { json, oneMore, pair, several, time, whole } from "./option-values.ts";
import { workOptions } from "./work-options.ts";

const NAME = ["<name>", "its name"] as const;

export function addScheduleCommands(program: Command, perform: Performing): void {
  const schedules = program.command("schedules").description("run things at their times, and see what became of each time");
  addSaving(schedules, perform);
  schedules
    .command("list")
    .description("all of the workspace, by name")
    .option("-n, --limit <count>", "how many", whole(1, 500))
    .option("--cursor <position>", "continue behind this one")
    .action(perform(async () => (await import("../commands/schedules.ts")).listSchedules));
  schedules
    .command("get")
    .description("one of them")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/schedules.ts")).getSchedule));
  timed(schedules.command("next").description("when it fires next; without a name, when these options would"))
    .argument("[name]", "its name")
    .option("-n, --count <count>", "how many", whole(1, 500))
    .option("--zone <zone>", "the zone of the second column; the one of this machine when left out")
    .option("--after <time>", "after this time instead of now", time)
    .action(perform(async () => (await import("../commands/next-fires.ts")).nextFires));
  schedules
    .command("history")
    .description("what became of its times, newest first")
    .argument("<name>", "its name; of one that was deleted its id")
    .option("--decision <decision>", "only those (several: repeat, or commas)", several)
    .addOption(new Option("--origin <origin>", "who asked for them").choices([...OCCURRENCE_ORIGINS]))
    .option("--run <run>", "of one backfill, or one run by hand")
    .option("--since <time>", "with a nominal time from then on", time)
    .option("--until <time>", "with one before then", time)
    .option("-n, --limit <count>", "how many", whole(1, 500))
    .option("--cursor <position>", "continue behind this one")
    .action(perform(async () => (await import("../commands/schedule-history.ts")).scheduleHistory));
  addChanging(schedules, perform);
}

function addSaving(schedules: Command, perform: Performing): void {
  workOptions(timed(schedules.command("create").description("make one of a workflow, a handler or a command; it fires from now on")))
    .argument("<name>", "a name for it, such as nightly-report")
    .argument("[command...]", "after --: a program and its arguments")
    .option("--workflow <workflow>", "what it runs: the name of an applied workflow, or name@version")
    .option("-i, --input <name=value>", "an input; again for more; {{ schedule.nominal_time }} is filled in", pair)
    .option("--input-json <object>", "all inputs as one JSON object", json)
    .addOption(new Option("--overlap <policy>", "when the one before has not ended").choices(Object.keys(OVERLAP_POLICIES)))
    .option("--overlap-limit <count>", "how many run at once (allow), or wait (queue)", whole(1, 100))
    .addOption(new Option("--catch-up <policy>", "for what was due while nobody looked").choices(Object.keys(CATCH_UP_POLICIES)))
    .option("--catch-up-window <duration>", "what was due longer ago is missed, for example 1h")
    .option("--catch-up-limit <count>", "of `all`: how many at most", whole(1, 1_000))
    .option("-l, --label <key=value>", "a label of its jobs; again for more", pair)
    .option("--paused", "make it paused")
    .addHelpText(
      "after",
      '\nExamples:\n  windlass schedules create nightly --workflow report --cron "30 2 * * *"\n  windlass schedules create cleaning --every 90m -- find /tmp/old -delete',
    )
    .action(perform(async () => (await import("../commands/schedules.ts")).createSchedule));
  schedules
    .command("apply")
    .description("make or change schedules by their files (kind: Schedule)")
    .argument("<files...>", "paths of files; - reads standard input")
    .action(perform(async () => (await import("../commands/schedules.ts")).applySchedules));
}

function addChanging(schedules: Command, perform: Performing): void {
  schedules
    .command("pause")
    .description("let it rest: what is due meanwhile is skipped, and recorded so")
    .argument(...NAME)
    .option("--reason <text>", "why, for whoever looks at it")
    .action(perform(async () => (await import("../commands/schedules.ts")).pauseSchedule));
  schedules
    .command("resume")
    .description("let it go on, from now on")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/schedules.ts")).resumeSchedule));
  schedules
    .command("run")
    .description("run it once, now; its own times stay as they are")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/schedules.ts")).runSchedule));
  schedules
    .command("backfill")
    .description("run it for its times of a span of the past")
    .argument(...NAME)
    .requiredOption("--from <time>", "the first time that may be run", time)
    .requiredOption("--to <time>", "the last one", time)
    .option("--limit <count>", "the first so many times; 100 when left out", whole(1, 1_000))
    .option("--concurrency <count>", "how many run at once; 1 when left out", whole(1, 100))
    .option("--dry-run", "run nothing: list the times")
    .action(perform(async () => (await import("../commands/schedules.ts")).backfillSchedule));
  schedules
    .command("delete")
    .description("fire no more; what runs goes on, and its history stays until it is old")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/schedules.ts")).deleteSchedule));
}

/** What says when. */
function timed(command: Command): Command {
  return command
    .option("--cron <expression>", 'such as "0 9 * * mon-fri", or @daily; again for more', oneMore)
    .option("--every <interval>", "such as 20m or 90m")
    .option("--timezone <zone>", "an IANA name such as Europe/Zurich; UTC when left out")
    .option("--jitter <duration>", "start each up to so much later")
    .option("--starts <time>", "not before: 2026-12-01, or with a time of the zone")
    .option("--ends <time>", "not after: a day is its end")
    .option("--anchor <time>", "what an interval is counted from")
    .option("--exclude <date|expression>", "leave these out; again for more", oneMore);
}
