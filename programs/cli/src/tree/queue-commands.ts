/** `queues …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { duration, limitFrom, onOff, rate } from "./option-values.ts";

const NAME = "its name";

export function addQueueCommands(program: Command, perform: Performing): void {
  const queues = program.command("queues").description("order, pause and limit of the jobs that wait");
  queues
    .command("list")
    .description("queues with their figures")
    .action(perform(async () => (await import("../commands/queues.ts")).listQueues));
  queues
    .command("get")
    .description("one queue")
    .argument("<name>", NAME)
    .action(perform(async () => (await import("../commands/queues.ts")).getQueue));
  queues
    .command("pause")
    .description("start nothing more of a queue; what runs goes on")
    .argument("<name>", NAME)
    .action(perform(async () => (await import("../commands/queues.ts")).pauseQueue));
  queues
    .command("resume")
    .description("start jobs of a paused queue again")
    .argument("<name>", NAME)
    .action(perform(async () => (await import("../commands/queues.ts")).resumeQueue));
  queues
    .command("limit")
    .description("how many jobs of a queue may run at once; the same as `set <name> --limit`")
    .argument("<name>", NAME)
    .argument("<count>", "a whole number, or `none`", limitFrom(0))
    .action(perform(async () => (await import("../commands/queues.ts")).limitQueue));
  queues
    .command("set")
    .description("limits and rates of a queue; what is not named stays as it is")
    .argument("<name>", NAME)
    .option("--limit <count>", "how many of its jobs may run at once, or `none`", limitFrom(0))
    .option("--rate <rate>", "how many of its jobs may start in a time, such as 10/s or 100/5m, or `none`", rate)
    .option("--key-limit <count>", "how many jobs of each fairness key may run at once, or `none`", limitFrom(1))
    .option("--key-rate <rate>", "how many jobs of each fairness key may start in a time, or `none`", rate)
    .option("--dead-letters <on|off>", "whether handler jobs that failed for good become dead letters", onOff)
    .action(perform(async () => (await import("../commands/queues.ts")).setQueue));
  queues
    .command("drain")
    .description("start nothing more of a queue, and let what runs end")
    .argument("<name>", NAME)
    .option("--wait", "until nothing of it runs any more")
    .option("--timeout <duration>", "wait no longer than this", duration)
    .action(perform(async () => (await import("../commands/sweep-queue.ts")).drainQueue));
  narrowed(
    queues
      .command("move")
      .description("let what waits in a queue wait in another")
      .argument("<from>", "the queue it waits in")
      .argument("<to>", "the queue it is to wait in"),
  )
    .option("--dry-run", "only count")
    .action(perform(async () => (await import("../commands/sweep-queue.ts")).moveQueue));
  narrowed(queues.command("purge").description("cancel what waits in a queue. Only counts without --yes").argument("<name>", NAME))
    .option("--yes", "do it")
    .option("--remove", "also remove those that were never started")
    .action(perform(async () => (await import("../commands/sweep-queue.ts")).purgeQueue));
  queues
    .command("delete")
    .description("forget what was set of a queue that holds nothing")
    .argument("<name>", NAME)
    .action(perform(async () => (await import("../commands/sweep-queue.ts")).deleteQueue));
}

function narrowed(command: Command): Command {
  return command.option("--job-name <name>", "only jobs with this name").option("--fairness-key <text>", "only jobs of this fairness key");
}
