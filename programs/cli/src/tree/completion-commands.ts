/** `completion` with what its scripts ask (`__complete`), and `schema`. */
import { Argument, type Command } from "commander";
import type { Performing } from "../program.ts";

/** The shells that a script is there for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export function addCompletionCommands(program: Command, perform: Performing): void {
  program
    .command("completion")
    .description("print the script by which a shell completes commands, options, ids and names")
    .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
    .addHelpText(
      "after",
      `
Examples:
  bash   source <(windlass completion bash)               in ~/.bashrc
  zsh    source <(windlass completion zsh)                in ~/.zshrc, behind compinit
  fish   windlass completion fish | source                in ~/.config/fish/config.fish`,
    )
    .action(perform(async () => (await import("../commands/completion.ts")).completion));
  program
    .command("schema")
    .description("print the JSON Schema of workflow files, or of an object of the API")
    .argument("[schema]", "workflow, job, queue …; all names when left out")
    .addHelpText("after", SCHEMA_HELP)
    .action(perform(async () => (await import("../commands/schema.ts")).schema));
  program
    .command("__complete", { hidden: true })
    .argument("[words...]", "after --: what was typed, up to the word that is being typed")
    .action(perform(async () => (await import("../commands/complete-words.ts")).completeWords));
}

const SCHEMA_HELP = `
Example:
  windlass schema workflow > workflow.schema.json
and as the first line of a workflow file, for editors with the YAML language server:
  # yaml-language-server: $schema=workflow.schema.json`;
