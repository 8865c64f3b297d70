/**
 * `windlass __complete`: what may follow, one a line. Asked at each press of a key, so it never waits long for a server,
 * and says nothing at all where something is wrong: the line that is being typed is no place for messages.
 */
import { isJsonObject } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { readContexts } from "../connection/contexts.ts";
import { systemClock } from "../machine/system-clock.ts";
import { nameOf } from "../output/present.ts";
import { printable } from "../output/style.ts";
import { programOf } from "../program.ts";
import type { Call, GlobalOptions } from "../tree/call.ts";
import { complete, type Candidate } from "../tree/complete.ts";

/** A server that takes longer is worth less than going on typing. */
const ANSWER_MS_MAX = 800;
/** What a list on a screen can hold. */
const OBJECTS_MAX = 50;
const DESCRIPTION_LENGTH_MAX = 60;

export async function completeWords(call: Call): Promise<void> {
  const words = (call.args[0] ?? []) as readonly string[];
  const { candidates, live, files } = complete(
    programOf(call, () => {}),
    words,
  );
  const objects = live === null ? [] : await namesOf(call, words, live).catch(() => []);
  const typed = words.at(-1) ?? "";
  const found = [...candidates, ...objects.filter(({ value }) => value.startsWith(typed))];
  const lines = found.map(({ value, description }) => `${value}\t${shortened(printable(description))}\n`);
  call.terminal.out(lines.join("") + (files ? ":files\n" : ""));
}

function shortened(text: string): string {
  return text.length <= DESCRIPTION_LENGTH_MAX ? text : `${text.slice(0, DESCRIPTION_LENGTH_MAX - 1)}…`;
}

interface Meant {
  readonly noun: string;
  readonly prefix: string;
}

/** Names that are known here, by their noun; all others are asked of the server. */
const HERE: Readonly<Record<string, (call: Call) => Promise<readonly string[]>>> = {
  contexts: async ({ environment }) => Object.keys(readContexts(environment).contexts),
  schemas: async () => (await import("./schema.ts")).schemaNames(),
  operations: async () => (await import("@windlass/contract")).operationList.map(({ id }) => id),
  zones: async () => Intl.supportedValuesOf("timeZone"),
};

async function namesOf(call: Call, words: readonly string[], meant: Meant): Promise<readonly Candidate[]> {
  const here = HERE[meant.noun];
  if (here === undefined) return objectsOf(call, words, meant);
  return (await here(call)).map((name) => ({ value: meant.prefix + name, description: "" }));
}

/** In the order of the server's list: the newest jobs first. */
async function objectsOf(call: Call, words: readonly string[], { noun, prefix }: Meant): Promise<readonly Candidate[]> {
  const { client } = connect({ ...call, options: { ...call.options, ...connectionIn(words) } });
  // `dead-letters` is `deadLetters` there.
  const name = noun.replaceAll(/-(.)/gu, (_, letter: string) => letter.toUpperCase());
  const list = (client as unknown as Record<string, Record<string, unknown> | undefined>)[name]?.["list"];
  if (typeof list !== "function") return [];
  const tooLong = new AbortController();
  const cancel = systemClock.after(ANSWER_MS_MAX, () => tooLong.abort());
  try {
    const input = noun === "jobs" ? { limit: OBJECTS_MAX } : {};
    const answer: unknown = await list(input, { signal: tooLong.signal });
    const items = isJsonObject(answer) && Array.isArray(answer["items"]) ? answer["items"] : [];
    return items.flatMap((item: unknown) => {
      const value = nameOf(item);
      return value === undefined ? [] : [{ value: prefix + value, description: descriptionOf(item, value) }];
    });
  } finally {
    cancel();
  }
}

function descriptionOf(item: unknown, value: string): string {
  if (!isJsonObject(item)) return "";
  const { name, state } = item;
  const texts = [name === value ? "" : name, state].filter((text) => typeof text === "string");
  return texts.filter((text) => text !== "").join(", ");
}

/** Which server the line that is being typed would ask, and as whom. */
function connectionIn(words: readonly string[]): GlobalOptions {
  const value = (flag: string): string | undefined =>
    words[words.indexOf(flag) + 1 || words.length] ?? words.find((word) => word.startsWith(`${flag}=`))?.slice(flag.length + 1);
  const given = (["server", "context", "token", "workspace", "data"] as const).map((name) => [name, value(`--${name}`)] as const);
  return Object.fromEntries(given.filter(([, typed]) => typed !== undefined));
}
