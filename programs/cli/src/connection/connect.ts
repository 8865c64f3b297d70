/**
 * Which server a command talks to: the one that was named, else that of the context, else the one of the data folder, else the usual
 * address on this machine.
 *
 * C1. At the usual address there may be the server of another folder. A folder that was named has its own server or none; so has one
 *     with a token, unless another token is given.
 * C2. The token of a data folder goes to its own server, and to one on this machine that was named.
 */
import { WindlassError } from "@windlass/kernel";
import { client, type Client } from "@windlass/sdk";
import { DEFAULT_DATA_FOLDER, readDataFolder, type DataFolder } from "../compose/data-folder.ts";
import type { Environment } from "../machine/environment.ts";
import { isForPeople, type Presentation } from "../output/present.ts";
import type { GlobalOptions, World } from "../tree/call.ts";
import { inContext } from "./contexts.ts";

export interface Connection {
  readonly client: Client;
  readonly url: string;
  /** What each call will be told (see Target). */
  readonly missing: WindlassError | null;
}

export interface Target {
  readonly url: string;
  readonly token: string | undefined;
  /** No server runs for the data folder, and no other is meant (C1): whoever asks hears this. */
  readonly missing: WindlassError | null;
}

const USUAL_URL = "http://127.0.0.1:4180";

/** Names the server; nothing is sent yet. Who follows something is told when the server is away, unless `isSilent`. */
export function connect(
  { options, environment: outer, terminal, format }: Pick<World, "environment"> & Pick<Presentation, "terminal" | "format"> & Asking,
  { isSilent = false }: { readonly isSilent?: boolean } = {},
): Connection {
  const environment = inContext(options, outer);
  const { missing, ...target } = lookupOf({ options, environment })();
  if (!URL.canParse(target.url))
    throw new WindlassError("usage", `WINDLASS_URL is "${target.url}"; it must be an address such as ${USUAL_URL}`);
  // At a terminal, who asked decides whether to ask again.
  const onLost = (): void => terminal.err(`The server at ${target.url} is gone for the moment; trying again …\n`);
  const isTold = !isSilent && isForPeople(format);
  const workspace = workspaceOf(options, environment);
  const given = { ...target, workspace, retries: 0, ...(isTold ? { onLost } : {}) };
  return { client: client(missing === null ? given : { ...given, fetch: () => Promise.reject(missing) }), url: target.url, missing };
}

/** Looks again each time: the server of a data folder may listen elsewhere then. Once there was one, it is that of this folder or none. */
export function lookupOf({ options, environment }: Asking & Pick<World, "environment">): () => Target {
  let hadServer = false;
  return () => {
    const folder = readDataFolder(dataFolderOf(options, environment));
    hadServer ||= folder.server !== null;
    return targetOf({ options, environment, folder, hadServer });
  };
}

export interface Asking {
  readonly options: GlobalOptions;
}

export function dataFolderOf(options: Pick<GlobalOptions, "data">, environment: Environment): string {
  return options.data ?? given(environment["WINDLASS_DATA"]) ?? DEFAULT_DATA_FOLDER;
}

/** Undefined: the server chooses. */
export function workspaceOf(options: Pick<GlobalOptions, "workspace">, environment: Environment): string | undefined {
  return options.workspace ?? given(environment["WINDLASS_WORKSPACE"]);
}

/** Pure. */
export function targetOf({
  options,
  environment,
  folder,
  hadServer = false,
}: {
  readonly options: GlobalOptions;
  readonly environment: Environment;
  readonly folder: DataFolder;
  /** It was seen that the folder had a server. */
  readonly hadServer?: boolean;
}): Target {
  const named = options.server ?? given(environment["WINDLASS_URL"]);
  const own = folder.server?.url;
  const url = (named ?? own ?? USUAL_URL).replace(/\/+$/u, "");
  const other = options.token ?? given(environment["WINDLASS_TOKEN"]);
  const mayHaveToken = named === undefined ? own !== undefined : url === own || isLoopback(url);
  const token = other ?? (mayHaveToken ? (folder.token ?? undefined) : undefined);
  const isNamed = (options.data ?? given(environment["WINDLASS_DATA"])) !== undefined;
  const hasOwnOrNone = isNamed || hadServer || (folder.token !== null && other === undefined);
  return { url, token, missing: named === undefined && own === undefined && hasOwnOrNone ? noServer(folder.path) : null };
}

function noServer(path: string): WindlassError {
  return new WindlassError(
    "unreachable",
    `no server runs for the data folder ${path}; start one with "windlass server --data ${path}", or name another with --server or WINDLASS_URL`,
  );
}

function isLoopback(url: string): boolean {
  return URL.canParse(url) && /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/u.test(new URL(url).hostname);
}

/** An empty variable counts as not set. */
function given(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : text;
}
