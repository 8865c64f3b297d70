/** `dead-letters …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { rate, time, whole } from "./option-values.ts";

const IDS = "ids of dead letters (or the last characters, or `last`); all that the options choose when left out";

export function addDeadLetterCommands(program: Command, perform: Performing): void {
  const letters = program
    .command("dead-letters")
    .alias("dlq")
    .description("jobs that failed for good, and notices that could not be followed: look at them, run them again, strike them off");
  narrowed(letters.command("list").description("dead letters: those of jobs, the newest first, then those of notices, the oldest first"))
    .option("--redriven", "only those that were run again")
    .option("--open", "only those that were not run again")
    .option("-n, --limit <count>", "how many", whole(1, 500))
    .option("--cursor <id>", "continue behind this letter")
    .action(perform(async () => (await import("../commands/dead-letters.ts")).listDeadLetters));
  letters
    .command("get")
    .alias("show")
    .description("one dead letter: why it died, and what it was to do")
    .argument("<id>", "its id, the last characters of it, or `last`")
    .action(perform(async () => (await import("../commands/dead-letters.ts")).getDeadLetter));
  narrowed(letters.command("redrive").description("run dead letters again, as new jobs; each once").argument("[ids...]", IDS))
    .option("--all", "without ids or options that choose: every one")
    .option("--again", "also those that were run again before")
    .option("--rate <rate>", "how many are to start in a time, such as 10/s", rate)
    .action(perform(async () => (await import("../commands/dead-letters.ts")).redriveDeadLetters));
  narrowed(
    letters.command("purge").description("strike dead letters off; their jobs stay. Only counts without --yes").argument("[ids...]", IDS),
  )
    .option("--redriven", "only those that were run again")
    .option("--all", "with --yes, without ids or options that choose: every one")
    .option("--yes", "do it")
    .action(perform(async () => (await import("../commands/dead-letters.ts")).purgeDeadLetters));
}

function narrowed(command: Command): Command {
  return command
    .option("--source <source>", "job: what failed in this store; notice: what could not be followed in the queue between programs")
    .option("--queue <queue>", "of this queue")
    .option("--reason <reason>", "that died for this reason")
    .option("--name <name>", "of jobs with this name")
    .option("--since <time>", "that died at this time or later", time)
    .option("--until <time>", "that died before this time", time);
}
