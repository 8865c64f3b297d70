/** What is derived, a page of docs/reference as a rule: where it lies and how it is made. It is written by `npm run gen` and never by hand. */
export interface ReferencePage {
  /** From the root of the repository. */
  readonly path: string;
  render(): string | Promise<string>;
}

/** The frame of a Markdown page: its title, where it comes from, and its parts with an empty line between them. */
export function markdown({ title, from, parts }: { title: string; from: string; parts: readonly string[] }): string {
  return [`# ${title}`, `Generated from \`${from}\` by \`npm run gen\`; do not edit.`, ...parts, ""].join("\n\n").replace(/\n+$/u, "\n");
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

export const code = (text: string): string => `\`${text}\``;
