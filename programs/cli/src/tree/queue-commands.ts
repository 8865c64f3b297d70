/** `queues …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";

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
    .description("how many jobs of a queue may run at once")
    .argument("<name>", NAME)
    .argument("<count>", "a whole number, or `none`")
    .action(perform(async () => (await import("../commands/queues.ts")).limitQueue));
}
