/**
 * Which server a command talks to: the one that was named, else that of the context, else the one of the data folder, else, unless a
 * folder was named, the usual address on this machine: there may be the server of another folder. The token of a data folder goes to nobody but its own server.
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
}

export interface Target {
  readonly url: string;
  readonly token: string | undefined;
  /** A data folder was named for which no server runs: whoever asks hears this. */
  readonly missing: WindlassError | null;
}

const USUAL_URL = "http://127.0.0.1:4180";

/** Names the server; nothing is sent yet. Who follows something is told when the server is away, unless `isSilent`. */
export function connect(
  { options, environment: outer, terminal, format }: Pick<World, "environment"> & Pick<Presentation, "terminal" | "format"> & Asking,
  { isSilent = false }: { readonly isSilent?: boolean } = {},
): Connection {
  const environment = inContext(options, outer);
  const { missing, ...target } = targetOf({ options, environment, folder: readDataFolder(dataFolderOf(options, environment)) });
  if (!URL.canParse(target.url))
    throw new WindlassError("usage", `WINDLASS_URL is "${target.url}"; it must be an address such as ${USUAL_URL}`);
  // At a terminal, who asked decides whether to ask again.
  const onLost = (): void => terminal.err(`The server at ${target.url} is gone for the moment; trying again …\n`);
  const isTold = !isSilent && isForPeople(format);
  const workspace = workspaceOf(options, environment);
  const given = { ...target, workspace, retries: 0, ...(isTold ? { onLost } : {}) };
  return { client: client(missing === null ? given : { ...given, fetch: () => Promise.reject(missing) }), url: target.url };
}

interface Asking {
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
}: {
  readonly options: GlobalOptions;
  readonly environment: Environment;
  readonly folder: DataFolder;
}): Target {
  const named = options.server ?? given(environment["WINDLASS_URL"]);
  const own = folder.server?.url;
  const url = (named ?? own ?? USUAL_URL).replace(/\/+$/u, "");
  const mayHaveToken = named === undefined || (own !== undefined && url === own);
  const token =
    options.token ?? given(environment["WINDLASS_TOKEN"]) ?? (mayHaveToken || isLoopback(url) ? (folder.token ?? undefined) : undefined);
  const isMissing = named === undefined && own === undefined && (options.data ?? given(environment["WINDLASS_DATA"])) !== undefined;
  return { url, token, missing: isMissing ? noServer(folder.path) : null };
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
