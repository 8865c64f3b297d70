/** The page on the command line, made from the tree itself. Pure; `scripts/generate.ts` writes it. */
import type { Command, Option } from "commander";
import { plainStyle } from "./output/style.ts";
import { leavesOf, programOf } from "./program.ts";
import type { World } from "./tree/call.ts";
import { pathOf } from "./tree/usage-error.ts";

/** The sections of the page: the options that every command has, then one section for each command. */
export function commandReference(): string[] {
  const program = programOf(nowhere, () => {});
  const all = leavesOf(program);
  return [
    "Every command takes these options:",
    optionList(program.options),
    "Exit codes: 0 well, 1 a job failed, 2 usage, 3 not found, 4 refused, 5 unreachable, 130 interrupted. With `--json`, standard output has the API's objects and nothing else; errors are one problem object on standard error.",
    ...all.flatMap((command) => [
      `## ${pathOf(command)}`,
      command.description(),
      `\`${pathOf(command)} ${command.usage()}\``,
      argumentList(command),
      optionList(command.options),
    ]),
  ].filter((part) => part !== "");
}

function argumentList(command: Command): string {
  return command.registeredArguments.map((argument) => `- \`${argument.name()}\`: ${argument.description}`).join("\n");
}

function optionList(options: readonly Option[]): string {
  return options
    .map(
      (option) =>
        `- \`${option.flags}\`: ${option.description}${option.argChoices === undefined ? "" : ` (${option.argChoices.join(", ")})`}`,
    )
    .join("\n");
}

const nowhere: World = {
  terminal: { out: () => {}, err: () => {}, live: false, columns: 100, rows: 24, style: plainStyle, errStyle: plainStyle },
  environment: {},
  typed: [],
  onInterrupt: () => () => {},
};
