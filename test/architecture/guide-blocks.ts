/** What pages for people show to be typed: fenced blocks by language, and the commands in them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, root } from "./source-files.ts";

export interface Block {
  /** `docs/guides/queues.md:17` */
  readonly where: string;
  /** The words behind the fence: `ts`, `ts preamble`, `sh` … */
  readonly info: string;
  readonly text: string;
}

export interface Page {
  readonly path: string;
  readonly blocks: readonly Block[];
  /** Commands that stand in running text, between backticks. */
  readonly inline: readonly string[];
}

/** Pages that people follow. `docs/reference` is generated, and has its own test. */
export function guidePages(): readonly Page[] {
  const paths = ["README.md", "CONTRIBUTING.md", "packages/sdk/README.md", ...filesBelow("docs").filter(isGuide)];
  return paths.map((path) => pageOf(path, readFileSync(join(root, path), "utf8")));
}

const isGuide = (path: string): boolean => path.endsWith(".md") && !/^docs\/(reference|decisions)\//u.test(path);

export function pageOf(path: string, text: string): Page {
  const blocks = [...text.matchAll(/^```(\S[^\n]*)\n([^]*?)^```$/gmu)].map((match) => ({
    where: `${path}:${text.slice(0, match.index).split("\n").length}`,
    info: match[1] ?? "",
    text: match[2] ?? "",
  }));
  const prose = text.replaceAll(/^```[^]*?^```$/gmu, "");
  const inline = [...prose.matchAll(/`((?:npx )?windlass [^`\n]+)`/gu)].map((match) => match[1] ?? "");
  return { path, blocks, inline };
}

/** The blocks of shell of a page as what is typed: of a console only what follows the prompt. */
export function typedIn({ info, text }: Block): string | null {
  if (info === "sh" || info === "bash") return text;
  if (info === "console") return [...text.matchAll(/^\$ (.*)$/gmu)].map((match) => match[1] ?? "").join("\n");
  if (info === "ini") return [...text.matchAll(/^Exec\w+=(.*)$/gmu)].map((match) => match[1] ?? "").join("\n");
  // Five fields of time, then the command; `\%` is a percent sign in a crontab.
  if (info === "crontab")
    return [...text.matchAll(/^(?:\S+ +){5}(.*)$/gmu)].map((match) => (match[1] ?? "").replaceAll(String.raw`\%`, "%")).join("\n");
  return null;
}

/** The arguments of each call of `windlass` in a piece of shell, also of those inside `$(…)` and `sh -c '…'`. */
export function windlassCalls(shell: string): string[][] {
  return commandsIn(shell).flatMap((typed) => {
    const words = typed.filter((word, index) => word !== "-u" && typed[index - 1] !== "-u");
    const at = words.findIndex((word) => /^([\w./-]*\/)?windlass(\.js)?$/u.test(word));
    if (at >= 0 && words.slice(0, at).every(isPrefix)) return [words.slice(at + 1)];
    const script = words[words.indexOf("-c") + 1];
    return words.includes("-c") && script !== undefined ? windlassCalls(script) : [];
  });
}

/** What may stand before a program's name. */
const isPrefix = (word: string): boolean => /^(npx|sudo|env|exec|(\S*\/)?node|\w+=.*)$/su.test(word);

/** Words of each command, quotes removed; what is redirected to and comments are left out. */
export function commandsIn(shell: string): string[][] {
  const commands: string[][] = [[]];
  const text = shell.replaceAll("\\\n", " ");
  const token =
    /[^\S\n]+|#[^\n]*|(\d?>>?&?\s*[^\s|;&]+)|(&&|\|\||<\(|[\n|;&()<>])|((?:'[^']*'|"(?:\\.|[^"\\])*"|\$\([^)]*\)|\\.|[^\s'"|;&()<>])+)/gu;
  for (const [whole, redirection, operator, word] of text.matchAll(token)) {
    if (whole.startsWith("#") || redirection !== undefined) continue;
    if (operator !== undefined) commands.push([]);
    else if (word !== undefined) {
      commands.at(-1)?.push(unquoted(word));
      for (const [, inner = ""] of word.matchAll(/\$\(([^)]*)\)/gu)) commands.unshift(...commandsIn(inner));
    }
  }
  return commands.filter((words) => words.length > 0);
}

function unquoted(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"((?:\\.|[^"\\])*)"/gu,
    (_, single?: string, double?: string) => single ?? double?.replaceAll(/\\(.)/gu, "$1") ?? "",
  );
}
