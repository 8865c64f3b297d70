/**
 * Contexts: servers that a person has given names, in a file of theirs. A context says the address, the file that the token
 * is in, and the workspace; never a token itself.
 *
 * X1. What is said with a call goes before the context: a server or data folder that is named by an option or a variable
 *     takes its place as a whole, so that its token goes to nobody else; a token or workspace takes the place of that part.
 * X2. The file is its owner's alone (0600), and is replaced whole.
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { didYouMean, isJsonObject, messageOf, WindlassError } from "@windlass/kernel";
import type { Environment } from "../machine/environment.ts";
import type { GlobalOptions } from "../tree/call.ts";

export interface Context {
  readonly server: string;
  readonly tokenFile?: string | undefined;
  readonly workspace?: string | undefined;
}

export interface Contexts {
  /** The one that is used; null: none. */
  readonly current: string | null;
  readonly contexts: Readonly<Record<string, Context>>;
}

const NONE: Contexts = { current: null, contexts: {} };
/** As the names of workspaces are. */
const NAME = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/u;

export function contextsFile(environment: Environment): string {
  const config = given(environment["XDG_CONFIG_HOME"]) ?? join(given(environment["HOME"]) ?? homedir(), ".config");
  return join(config, "windlass", "contexts.json");
}

/** Throws `invalid` for a file that somebody has spoiled. */
export function readContexts(environment: Environment): Contexts {
  const file = contextsFile(environment);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return NONE;
    throw new WindlassError("invalid", `the contexts in ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    const read = JSON.parse(text) as Contexts;
    if (isJsonObject(read.contexts) && Object.values(read.contexts).every(({ server }) => URL.canParse(server))) return read;
  } catch {
    // Told below, like any other text that is none.
  }
  throw new WindlassError("invalid", `${file} is not what windlass context set writes; mend it, or delete it and set the contexts again`);
}

export function writeContexts(environment: Environment, contexts: Contexts): void {
  const file = contextsFile(environment);
  const next = `${file}.${process.pid}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(next, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600 });
    chmodSync(next, 0o600);
    renameSync(next, file);
  } catch (error) {
    rmSync(next, { force: true });
    throw error;
  }
}

/** Throws `not_found`, with the nearest name. */
export function contextOf({ contexts }: Contexts, name: string): Context {
  const found = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(contexts);
  const known = names.length === 0 ? "; there is none yet: windlass context set NAME --server URL" : didYouMean(name, names);
  throw new WindlassError("not_found", `there is no context "${name}"${known}`);
}

export function checkContextName(name: string): void {
  if (!NAME.test(name))
    throw new WindlassError("usage", `"${name}" cannot be the name of a context; lower-case letters, digits, "." and "-" can, up to 63`);
}

/** The environment as it is with the context that a call is made in (X1); the one that was handed in when there is none. */
export function inContext(options: GlobalOptions, environment: Environment): Environment {
  const isNamed =
    options.server !== undefined ||
    options.data !== undefined ||
    given(environment["WINDLASS_URL"]) !== undefined ||
    given(environment["WINDLASS_DATA"]) !== undefined;
  const name = options.context ?? (isNamed ? undefined : given(environment["WINDLASS_CONTEXT"]));
  if (name === undefined && isNamed) return environment;
  if (options.context !== undefined && options.server !== undefined)
    throw new WindlassError("usage", "--context and --server both name the server; give one of them");
  const known = readContexts(environment);
  const chosen = name ?? known.current;
  if (chosen === null) return environment;
  const context = contextOf(known, chosen);
  return {
    ...environment,
    WINDLASS_URL: context.server,
    WINDLASS_TOKEN: given(environment["WINDLASS_TOKEN"]) ?? (options.token === undefined ? tokenIn(chosen, context) : undefined),
    WINDLASS_WORKSPACE: given(environment["WINDLASS_WORKSPACE"]) ?? context.workspace,
  };
}

function tokenIn(name: string, { tokenFile }: Context): string | undefined {
  if (tokenFile === undefined) return undefined;
  try {
    return readFileSync(resolve(tokenFile), "utf8").trim();
  } catch (error) {
    throw new WindlassError("invalid", `the token of the context "${name}" cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** An empty variable counts as not set. */
function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
