/**
 * The whole command line as one tree: what is documented, completed and parsed. Building it is cheap and loads no
 * command; a test holds what it loads (test/architecture/eager-imports.test.ts).
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { FORMATS } from "./output/present.ts";
import { actionOf, type Perform, type World } from "./tree/call.ts";
import { addAccessCommands } from "./tree/access-commands.ts";
import { addInspectCommands } from "./tree/inspect-commands.ts";
import { addContextCommands } from "./tree/context-commands.ts";
import { addDeadLetterCommands } from "./tree/dead-letter-commands.ts";
import { addJobCommands } from "./tree/job-commands.ts";
import { addQueueCommands } from "./tree/queue-commands.ts";
import { addRunCommands } from "./tree/run-commands.ts";
import { addWebhookCommands } from "./tree/webhook-commands.ts";
import { addScheduleCommands } from "./tree/schedule-commands.ts";
import { addSecretCommands } from "./tree/secret-commands.ts";
import { addClusterCommands } from "./tree/cluster-commands.ts";
import { addServerCommands } from "./tree/server-commands.ts";
import { addWorkflowCommands } from "./tree/workflow-commands.ts";
import { VERSION } from "./version.ts";
import { addCompletionCommands } from "./tree/completion-commands.ts";
import { EXAMPLES } from "./tree/examples.ts";
import { addHelpCommand } from "./tree/help-command.ts";
import { addTopCommand } from "./tree/top-command.ts";
import { pathOf } from "./tree/usage-error.ts";
import { isWatchable } from "./tree/watchable.ts";

/** Adds the action of a command: `perform(async () => (await import("…")).listJobs)`. */
export type Performing = <Options extends object>(load: () => Promise<Perform<Options>>) => (...args: unknown[]) => Promise<void>;

export function programOf(world: World, done: (exitCode: number) => void): Command {
  const performing: Performing = (load) => actionOf(world, load, done);
  const program = treeOf(world, performing);
  program.commandsGroup("Day by day:");
  addTopCommand(program, performing);
  program.commandsGroup("Help, shells and editors:");
  addCompletionCommands(program, performing);
  addHelpCommand(program, (text) => world.terminal.out(text));
  for (const command of leavesOf(program)) {
    if (isWatchable(command)) addWatch(command);
    addExamples(command);
  }
  return program;
}

/** What each part of Windlass offers; `programOf` adds what they have in common. */
function treeOf(world: World, performing: Performing): Command {
  const program = new Command("windlass");
  program
    .description("One control plane for every kind of job.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addOption(new Option("-o, --output <format>", "how results are printed").choices(FORMATS))
    .option("--json", "the same as -o json: the API's objects and nothing else")
    .option("--server <url>", "address of the server (WINDLASS_URL); found in the data folder when left out", url)
    .option("--context <context>", "the server that has this name (WINDLASS_CONTEXT); see windlass context")
    .option("--token <token>", "token for the server (WINDLASS_TOKEN); read from the data folder when left out")
    .option("--workspace <name>", "whose jobs, workflows and queues (WINDLASS_WORKSPACE); the only one of the token, or default")
    .option("--data <folder>", "the data folder (WINDLASS_DATA), whose server is asked and no other; ./.windlass when left out")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => world.terminal.out(text),
      writeErr: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError(false)
    .exitOverride()
    .helpCommand(false)
    .addHelpText("after", EPILOGUE);
  program.commandsGroup("Begin:");
  addServerCommands(program, performing);
  addClusterCommands(program, performing);
  program.commandsGroup("Day by day:");
  addRunCommands(program, performing);
  program.commandsGroup("All there is:");
  addJobCommands(program, performing);
  addWorkflowCommands(program, performing);
  addScheduleCommands(program, performing);
  addQueueCommands(program, performing);
  addInspectCommands(program, performing);
  program.commandsGroup("Who may do what:");
  addAccessCommands(program, performing);
  addContextCommands(program, performing);
  addSecretCommands(program, performing);
  addWebhookCommands(program, performing);
  addDeadLetterCommands(program, performing);
  return program;
}

/** The commands that do something, in the order in which they are listed. */
export function leavesOf(command: Command): Command[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : leavesOf(child)));
}

function addExamples(command: Command): void {
  const examples = EXAMPLES[pathOf(command)];
  if (examples !== undefined) command.addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`);
}

function addWatch(command: Command): void {
  const isTaken = command.options.some((option) => option.short === "-w");
  command.option(isTaken ? "--watch" : "-w, --watch", "again whenever something changes; in a pipe, only what changed");
}

const EPILOGUE = `
Exit codes: 0 well, 1 a job failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 130 interrupted.
Begin with:  windlass server        then, in another terminal:  windlass run examples/hello.yaml --watch`;

function url(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol))
    throw new InvalidArgumentError("it must be an address such as http://127.0.0.1:4180");
  return text;
}
