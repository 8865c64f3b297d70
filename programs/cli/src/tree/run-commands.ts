/** What people type all day: `run`, `logs`, `explain`, `cancel`, `signal`, `approve`, `reject`. */
import { Option, type Command } from "commander";
import type { Performing } from "../program.ts";
import { addCancel, addExplain, addLogs } from "./job-commands.ts";
import { addSignalCommands } from "./signal-commands.ts";
import { duration, json, pair, priority, time } from "./option-values.ts";

export function addRunCommands(program: Command, perform: Performing): void {
  program
    .command("run")
    .description("run a workflow: a file, or the name of an applied one")
    .argument("<file|name>", "a path such as hello.yaml, or a name, or name@version; - reads standard input")
    .option("-i, --input <name=value>", "an input; again for more", pair)
    .option("--input-json <object>", "all inputs as one JSON object", json)
    .option("--wait", "wait for the end; the exit code is 0 only when it succeeded")
    .option("--watch", "wait, and show what happens and what the steps print")
    .option("--dry-run", "run nothing: show the steps in order, and every field as far as the inputs give it")
    .option("--local", "without a server: carry it out here, in the data folder, and wait")
    .addOption(
      new Option("--executor <name>", "what carries its containers out; process runs their commands here, without the images").choices([
        "docker",
        "kubernetes",
        "process",
      ]),
    )
    .option("--queue <queue>", "the queue of its steps")
    .option("--priority <number>", "higher is sooner; -1000 to 1000", priority)
    .option("-l, --label <key=value>", "a label; again for more", pair)
    .option("--delay <duration>", "start it so much later, for example 90 or 1h30m", duration)
    .option("--not-before <time>", "start it at this time or later", time)
    .option("--start-deadline <time>", "do not start it after this time", time)
    .option("--idempotency-key <key>", "a second run under the same key answers with the first")
    .addHelpText("after", EXAMPLES)
    .action(perform(async () => (await import("../commands/run.ts")).run));
  addLogs(program, perform);
  addExplain(program, perform);
  addCancel(program, perform);
  addSignalCommands(program, perform);
}

const EXAMPLES = `
Examples:
  windlass run examples/hello.yaml --watch
  windlass run hello -i name=Ada --wait --json
  windlass run examples/hello.yaml --dry-run
  windlass run examples/hello.yaml --local`;
