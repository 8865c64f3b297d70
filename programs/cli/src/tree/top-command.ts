/** `top` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";

export function addTopCommand(program: Command, perform: Performing): void {
  program
    .command("top")
    .description("queues, rates and what runs, as they are now; q ends it")
    .option("--once", "tell it once, as in a pipe")
    .action(perform(async () => (await import("../commands/top.ts")).top));
}
