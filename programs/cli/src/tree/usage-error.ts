/**
 * What commander found wrong with a command line, said the way all our errors are: what, the nearest right thing, where
 * to read. Commander's own suggestions are switched off: they offer words that share three letters.
 */
import { didYouMean, nearestFew, WindlassError } from "@windlass/kernel";
import type { Command, CommanderError } from "commander";
import { comeBack } from "./typed.ts";

export function usageError(error: CommanderError, program: Command, args: readonly string[]): WindlassError {
  const command = commandIn(program, args);
  const help = `${pathOf(command)} --help`;
  if (error.code === "commander.help") {
    // `windlass jobs` alone: commander prints the help of a group and leaves.
    const verbs = command.commands.map((verb) => verb.name());
    return new WindlassError("usage", `${pathOf(command)} needs to know what to do: ${verbs.join(", ")}\nSee ${help}`);
  }
  const text = error.message.replace(/^error: /u, "").replace(/ is invalid( for argument '[^']*')?\. (?=[a-z])/u, " is invalid$1: ");
  return new WindlassError("usage", `${text}${suggestion(error, command)}${asTheirs(error, command, args)}\nSee ${help}`);
}

/** `jobs submit ls -la`: what belongs to their command was read as ours. */
function asTheirs(error: CommanderError, command: Command, args: readonly string[]): string {
  // One of ours with a wrong value.
  if (error.code === "commander.invalidArgument" && error.message.startsWith("error: option '--")) return "";
  const place = command.registeredArguments.findIndex((argument) => argument.variadic && argument.name() === "command");
  if (place < 0 || args.includes("--")) return "";
  const at = args.indexOf(command.name()) + 1 + place;
  const words = args.slice(at - place);
  if (words.findIndex((word) => word.startsWith("-")) <= place) return "";
  return `\nOptions of a command stand behind --: ${comeBack([...args.slice(0, at), "--", ...args.slice(at)])}`;
}

function suggestion(error: CommanderError, command: Command): string {
  const word = /'([^']*)'/u.exec(error.message)?.[1] ?? "";
  switch (error.code) {
    case "commander.unknownCommand":
      return forCommand(word, command);
    case "commander.unknownOption":
      return forOption(word.replace(/=.*$/u, ""), optionsOf(command));
    case "commander.invalidArgument": {
      const found = /(?:argument|value) '([^']*)' is invalid[^.]*\. Allowed choices are (.+)\.$/u.exec(error.message);
      return found === null
        ? ""
        : didYouMean(found[1] ?? "", (found[2] ?? "").split(", "))
            .replace(/^; /u, " ")
            .replace(/^ d/u, " D");
    }
    default:
      return "";
  }
}

/** The API says `concurrencyLimit` where a command that is about a queue says `--limit`: one that shares its words is meant, too. */
function forOption(word: string, options: readonly string[]): string {
  const near = nearestFew(word, options);
  const words = wordsOf(word);
  if (near.length > 0 || words.length === 0) return asked(near);
  const isPart = (part: readonly string[], whole: readonly string[]): boolean => part.every((one) => whole.includes(one));
  return asked(options.filter((option) => isPart(wordsOf(option), words) || isPart(words, wordsOf(option))).slice(0, EXACT_MAX));
}

function wordsOf(option: string): readonly string[] {
  return option.split("-").filter((word) => word !== "");
}

/** A verb is often looked for at the top (`windlass list`), and what stands at the top below a noun (`windlass workflows run`). */
function forCommand(word: string, command: Command): string {
  const verbs = command.commands.flatMap((noun) => noun.commands.map((verb) => ({ verb: verb.name(), path: pathOf(verb) })));
  const exact = verbs.filter(({ verb }) => verb === word).map(({ path }) => `\`${path}\``);
  if (exact.length > 0) return asked(exact.slice(0, EXACT_MAX));
  const above = command.parent?.commands.find((other) => isCalled(other, word));
  if (above !== undefined) return asked([`\`${pathOf(above)}\``]);
  const near = nearestFew(
    word,
    command.commands.flatMap((noun) => [noun.name(), ...noun.aliases()]),
  );
  if (near.length > 0) return asked(near);
  const close = nearestFew(
    word,
    verbs.map(({ verb }) => verb),
  );
  return asked(
    verbs
      .filter(({ verb }) => verb === close[0])
      .map(({ path }) => `\`${path}\``)
      .slice(0, EXACT_MAX),
  );
}

/** The same verb under several nouns: the first are those that people look for most. */
const EXACT_MAX = 3;

function asked(words: readonly string[]): string {
  return words.length === 0 ? "" : `; did you mean ${words.join(" or ")}?`;
}

/** Long options of a command and of all above it. */
function optionsOf(command: Command): readonly string[] {
  const own = command.options.flatMap(({ long }) => (long === undefined ? [] : [long]));
  return [...own, "--help", ...(command.parent === null ? [] : optionsOf(command.parent))];
}

/** The deepest command that the arguments name. */
function commandIn(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args) {
    if (arg === "--") break;
    const next = command.commands.find((candidate) => isCalled(candidate, arg));
    if (next !== undefined) command = next;
  }
  return command;
}

export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** By its name or another that it has. */
export function isCalled(command: Command, word: string): boolean {
  return command.name() === word || command.aliases().includes(word);
}
