/**
 * The whole command line as one tree: what is documented, completed and parsed. Building it is cheap and loads no
 * command; a test holds what it loads (test/architecture/eager-imports.test.ts).
 */
import { Command, InvalidArgumentError, Option } from "commander";
import { FORMATS } from "./output/present.ts";
import { actionOf, type Perform, type World } from "./tree/call.ts";
import { addAccessCommands } from "./tree/access-commands.ts";
import { addInspectCommands } from "./tree/inspect-commands.ts";
import { addJobCommands } from "./tree/job-commands.ts";
import { addQueueCommands } from "./tree/queue-commands.ts";
import { addRunCommands } from "./tree/run-commands.ts";
import { addServerCommands } from "./tree/server-commands.ts";
import { addWorkflowCommands } from "./tree/workflow-commands.ts";
import { VERSION } from "./version.ts";

/** Adds the action of a command: `perform(async () => (await import("…")).listJobs)`. */
export type Performing = <Options extends object>(load: () => Promise<Perform<Options>>) => (...args: unknown[]) => Promise<void>;

export function programOf(world: World, done: (exitCode: number) => void): Command {
  const program = new Command("windlass");
  program
    .description("One control plane for every kind of job.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addOption(new Option("-o, --output <format>", "how results are printed").choices(FORMATS))
    .option("--json", "the same as -o json: the API's objects and nothing else")
    .option("--server <url>", "address of the server (WINDLASS_URL); found in the data folder when left out", url)
    .option("--token <token>", "token for the server (WINDLASS_TOKEN); read from the data folder when left out")
    .option("--workspace <name>", "whose jobs, workflows and queues (WINDLASS_WORKSPACE); the only one of the token, or default")
    .option("--data <folder>", "the data folder (WINDLASS_DATA); ./.windlass when left out")
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => world.terminal.out(text),
      writeErr: () => {},
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .showSuggestionAfterError(true)
    .exitOverride()
    .helpCommand("help [command]", "print help for a command")
    .addHelpText("after", EPILOGUE);
  const performing: Performing = (load) => actionOf(world, load, done);
  program.commandsGroup("Begin:");
  addServerCommands(program, performing);
  program.commandsGroup("Day by day:");
  addRunCommands(program, performing);
  program.commandsGroup("All there is:");
  addJobCommands(program, performing);
  addWorkflowCommands(program, performing);
  addQueueCommands(program, performing);
  addInspectCommands(program, performing);
  program.commandsGroup("Who may do what:");
  addAccessCommands(program, performing);
  return program;
}

const EPILOGUE = `
Exit codes: 0 well, 1 a job failed, 2 usage, 3 not found, 4 refused, 5 unreachable.
Begin with:  windlass server        then, in another terminal:  windlass run examples/hello.yaml --watch`;

function url(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol))
    throw new InvalidArgumentError("it must be an address such as http://127.0.0.1:4180");
  return text;
}
