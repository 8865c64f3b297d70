/**
 * What may stand at the end of a command line that is being typed. The tree of commands says it: a placeholder
 * (`<state,…>`, `<queue>`, `<id>`) names what is meant, so that a command that is added is completed too. Pure; what
 * only a server knows is named in `live` and asked for elsewhere.
 */
import { eventTypes, JOB_KINDS, jobStates, noticeFaults, occurrenceDecisions, outcomes, permissions, reasons } from "@windlass/kernel";
import type { Argument, Command, Option } from "commander";
import { TOPICS } from "./help-command.ts";
import { isCalled } from "./usage-error.ts";

export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  /** Names of objects of this noun (`jobs`, `dead-letters`), each with `prefix` before it. */
  readonly live: { readonly noun: string; readonly prefix: string } | null;
  /** Paths of files, which shells know better. */
  readonly files: boolean;
}

/** Words that are the same on every server, by the placeholder that stands for them. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  state: jobStates,
  outcome: outcomes,
  kind: JOB_KINDS,
  reason: [...new Set([...reasons, ...noticeFaults])],
  source: ["job", "notice"],
  type: eventTypes,
  event: [...eventTypes, "all"],
  decision: occurrenceDecisions,
  permission: permissions,
};
/** Objects by the placeholder that stands for them. */
const NOUNS: Readonly<Record<string, string>> = {
  queue: "queues",
  workflow: "workflows",
  "file|name": "workflows",
  workspace: "workspaces",
  role: "roles",
  context: "contexts",
  actor: "tokens",
  alias: "secrets",
  operation: "operations",
  schema: "schemas",
  zone: "zones",
};
/** Placeholders for any object of the noun that the command belongs to. */
const OF_ITS_NOUN = ["name", "id", "ids", "token", "from", "to"];

const NOTHING: Completion = { candidates: [], live: null, files: false };
const FILES: Completion = { ...NOTHING, files: true };

/** `words`: what follows the program's name, up to and with the one that is being typed (it may be empty). */
export function complete(program: Command, words: readonly string[]): Completion {
  const before = words.slice(0, -1);
  const last = words.at(-1) ?? "";
  let command = program;
  const given: string[] = [];
  let open: Option | undefined;
  for (const word of before) {
    if (word === "--") return FILES;
    if (open !== undefined) open = undefined;
    else if (word.startsWith("-") && word !== "-") open = word.includes("=") ? undefined : takingValue(optionOf(command, word));
    else {
      const next = given.length === 0 ? command.commands.find((child) => isCalled(child, word)) : undefined;
      if (next === undefined) given.push(word);
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
  if (command.name() === "help") return starting(last, { ...NOTHING, candidates: helpOf(program, given) });
  const argument = command.registeredArguments[given.length] ?? command.registeredArguments.findLast(({ variadic }) => variadic);
  return argument === undefined ? NOTHING : starting(last, valuesOf(argument, { command, typed: last, prefix: "" }));
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

/** Of what help can be had: the commands below those that were named, and at first the topics. */
function helpOf(program: Command, named: readonly string[]): readonly Candidate[] {
  let command: Command | undefined = program;
  for (const word of named) command = command?.commands.find((child) => isCalled(child, word));
  const topics = named.length > 0 ? [] : Object.entries(TOPICS).map(([value, { about }]) => ({ value, description: about }));
  return [...(command === undefined ? [] : commandsOf(command)), ...topics];
}
