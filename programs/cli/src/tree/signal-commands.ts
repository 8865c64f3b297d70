/** What one tells an execution that waits: `signal`, `approve`, `reject`. */
import type { Command } from "commander";
import type { Performing } from "../program.ts";
import { json } from "./option-values.ts";

const ID = "the execution or its step: an id, the last characters of it, or `last`";

export function addSignalCommands(program: Command, perform: Performing): void {
  program
    .command("signal")
    .description("send a signal to an execution; it is kept until a step waits for it, and used once")
    .argument("<id>", ID)
    .argument("<signal>", "the name of the signal, as the waiting step has it")
    .option("--payload <json>", "what it brings: the output of the step that waits", json)
    .action(perform(async () => (await import("../commands/signal-job.ts")).signalJob));
  decision(program.command("approve").description("approve what an execution waits for; decided once, with who did it")).action(
    perform(async () => (await import("../commands/signal-job.ts")).approveJob),
  );
  decision(program.command("reject").description("reject what an execution waits for; the step that waits fails")).action(
    perform(async () => (await import("../commands/signal-job.ts")).rejectJob),
  );
}

function decision(command: Command): Command {
  return command
    .argument("<id>", ID)
    .option("--step <name>", "which step, where several wait for an approval")
    .option("--comment <text>", "why, for whoever looks later");
}
