/** A command line as it was typed, to be shown and typed again: quoted where a shell needs it, and without secrets. Pure. */

export function comeBack(typed: readonly string[]): string {
  return ["windlass", ...typed.map((arg, index) => (typed[index - 1] === "--token" ? "TOKEN" : withoutToken(arg))).map(quoted)].join(" ");
}

function withoutToken(arg: string): string {
  return arg.startsWith("--token=") ? "--token=TOKEN" : arg;
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/u.test(arg) ? arg : `'${arg.replaceAll("'", String.raw`'\''`)}'`;
}
