/**
 * What may stand at the end of a command line that is being typed. The tree of commands says it: a placeholder
 * (`<state,…>`, `<queue>`, `<id>`) names what is meant, so that a command that is added is completed too. Pure; what
 * only a server knows is named in `live` and asked for elsewhere.
 */
import { JOB_KINDS, jobStates, occurrenceDecisions, outcomes, permissions, reasons } from "@windlass/kernel";
import type { Argument, Command, Option } from "commander";
import { isCalled } from "./usage-error.ts";

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of objects of this noun (`jobs`, `queues`), each with `prefix` before it. */
  readonly live: { readonly noun: string; readonly prefix: string } | null;
  /** Paths of files, which shells know better. */
  readonly files: boolean;
}

/** Words that are the same on every server, by the placeholder that stands for them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  state: jobStates,
  outcome: outcomes,
  kind: JOB_KINDS,
  reason: reasons,
  decision: occurrenceDecisions,
  permission: permissions,
};
/** Objects by the placeholder that stands for them. */
const NOUNS: Readonly<Record<string, string>> = { queue: "queues", workflow: "workflows", workspace: "workspaces", role: "roles" };
/** Placeholders for any object of the noun that the command belongs to. */
const OF_ITS_NOUN = ["name", "id", "token"];

const NOTHING: Completion = { candidates: [], live: null, files: false };
const FILES: Completion = { ...NOTHING, files: true };

/** `words`: what follows the program's name, up to and with the one that is being typed (it may be empty). */
export function complete(program: Command, words: readonly string[]): Completion {
  const typed = joined(words);
  const before = typed.slice(0, -1);
  const last = typed.at(-1) ?? "";
  let command = program;
  let position = 0;
  let open: Option | undefined;
  for (const word of before) {
    if (word === "--") return FILES;
    if (open !== undefined) open = undefined;
    else if (word.startsWith("-") && word !== "-") open = word.includes("=") ? undefined : takingValue(optionOf(command, word));
    else {
      const next = position === 0 ? command.commands.find((child) => isCalled(child, word)) : undefined;
      if (next === undefined) position++;
      else command = next;
    }
  }
  if (open !== undefined) return starting(last, valuesOf(open, { command, typed: last, prefix: "" }));
  const assigned = /^(--[^=]+=)(.*)$/u.exec(last);
  if (assigned !== null) {
    const [, flag = "", value = ""] = assigned;
    const option = takingValue(optionOf(command, flag.slice(0, -1)));
    return option === undefined ? NOTHING : starting(last, valuesOf(option, { command, typed: value, prefix: flag }));
  }
  if (last.startsWith("-")) return starting(last, { ...NOTHING, candidates: optionsOf(command) });
  if (command.commands.length > 0) return starting(last, { ...NOTHING, candidates: commandsOf(command) });
  const argument = command.registeredArguments[position] ?? command.registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? NOTHING : starting(last, valuesOf(argument, { command, typed: last, prefix: "" }));
}

/** Bash takes `--output=json` for three words. */
export function joined(words: readonly string[]): readonly string[] {
  const whole: string[] = [];
  for (const word of words) {
    const before = whole.at(-1);
    if (before !== undefined && before.startsWith("--") && (word === "=" || before.endsWith("="))) whole[whole.length - 1] = before + word;
    else whole.push(word);
  }
  return whole;
}

function starting(typed: string, completion: Completion): Completion {
  return { ...completion, candidates: completion.candidates.filter(({ value }) => value.startsWith(typed)) };
}

interface Place {
  readonly command: Command;
  /** It may be a list with commas, of which the last piece is being typed. */
  readonly typed: string;
  /** What stands before the value in the same word: `--state=`. */
  readonly prefix: string;
}

function valuesOf(of: Option | Argument, { command, typed, prefix }: Place): Completion {
  const given = (values: readonly string[], before: string): Completion => ({
    ...NOTHING,
    candidates: values.map((value) => ({ value: before + value, description: "" })),
  });
  if (of.argChoices !== undefined) return given(of.argChoices, prefix);
  const placeholder = placeholderOf(of);
  const word = placeholder.replace(/[,.…]+$/u, "");
  const pieces = placeholder.includes(",") ? typed.slice(0, typed.lastIndexOf(",") + 1) : "";
  const words = WORDS[word];
  if (words !== undefined) return given(words, prefix + pieces);
  const noun = nounMeant(word, of, command);
  return {
    candidates: [],
    live: noun === undefined ? null : { noun, prefix: prefix + pieces },
    files: /file|folder|path/u.test(word),
  };
}

/** Whose names may stand there. */
function nounMeant(word: string, of: Option | Argument, command: Command): string | undefined {
  if (NOUNS[word] !== undefined) return NOUNS[word];
  // `run <file|name>`
  if (word === "file|name") return "workflows";
  if (isOption(of)) return word === "id" ? "jobs" : undefined;
  return OF_ITS_NOUN.includes(word) ? nounOf(command) : undefined;
}

function isOption(of: Option | Argument): of is Option {
  return "flags" in of;
}

function placeholderOf(of: Option | Argument): string {
  return isOption(of) ? (/[<[]([^>\]]+)[>\]]/u.exec(of.flags)?.[1] ?? "") : of.name();
}

/** What a command is about; the short forms at the top are about jobs. */
function nounOf(command: Command): string {
  const { parent } = command;
  if (parent === null || parent.parent === null) return "jobs";
  return parent.name().endsWith("s") ? parent.name() : `${parent.name()}s`;
}

function takingValue(option: Option | undefined): Option | undefined {
  return option?.required === true || option?.optional === true ? option : undefined;
}

function optionOf(command: Command, word: string): Option | undefined {
  const found = command.options.find((option) => option.long === word || option.short === word);
  return found ?? (command.parent === null ? undefined : optionOf(command.parent, word));
}

function optionsOf(command: Command): readonly Candidate[] {
  const own = command.options.map((option) => ({ value: option.long ?? option.short ?? "", description: option.description }));
  return [...own, ...(command.parent === null ? [{ value: "--help", description: "print help" }] : optionsOf(command.parent))];
}

function commandsOf(command: Command): readonly Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({ value: child.name(), description: child.description() }));
}
