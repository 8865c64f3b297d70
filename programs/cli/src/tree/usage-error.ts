/** What commander found wrong with a command line, said the way all our errors are: what, the nearest right thing, where to read. */
import { nearest, WindlassError } from "@windlass/kernel";
import type { Command, CommanderError } from "commander";

export function usageError(error: CommanderError, program: Command, args: readonly string[]): WindlassError {
  const command = commandIn(program, args);
  const help = `${pathOf(command)} --help`;
  if (error.code === "commander.help") {
    // `windlass jobs` alone: commander prints the help of a group and leaves.
    const verbs = command.commands.map((verb) => verb.name());
    return new WindlassError("usage", `${pathOf(command)} needs to know what to do: ${verbs.join(", ")}\nSee ${help}`);
  }
  const text = error.message
    .replace(/^error: /u, "")
    .replace(/\n?\(Did you mean (.+)\?\)$/u, (_all, words: string) => `; did you mean ${words.replace(/^one of /u, "")}?`);
  return new WindlassError("usage", `${text}${suggestion(error, command, args)}\nSee ${help}`);
}

/** Commander suggests among the commands of one level; a verb is often looked for at the top: `windlass list`. */
function suggestion(error: CommanderError, command: Command, args: readonly string[]): string {
  if (error.code !== "commander.unknownCommand" || error.message.includes("Did you mean")) return "";
  const word = args.find((arg) => !arg.startsWith("-") && command.name() !== arg && error.message.includes(`'${arg}'`)) ?? "";
  const all = command.commands.flatMap((noun) => noun.commands.map((verb) => ({ verb: verb.name(), path: pathOf(verb) })));
  const exact = all.filter(({ verb }) => verb === word).map(({ path }) => path);
  if (exact.length > 0) return `; did you mean ${exact.map((path) => `\`${path}\``).join(" or ")}?`;
  const near = nearest(
    word,
    command.commands.map((noun) => noun.name()),
  );
  return near === undefined ? "" : `; did you mean ${near}?`;
}

/** The deepest command that the arguments name. */
function commandIn(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg);
    if (next !== undefined) command = next;
  }
  return command;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
