/** `windlass context …`: nothing of it talks to a server. */
import { resolve } from "node:path";
import { WindlassError } from "@windlass/kernel";
import { checkContextName, contextOf, contextsFile, readContexts, writeContexts, type Context } from "../connection/contexts.ts";
import { presentTable } from "../output/api-object.ts";
import { present } from "../output/present.ts";
import { argumentOf, type Call } from "../tree/call.ts";

interface Shown extends Context {
  readonly name: string;
  readonly current: boolean;
}

export async function listContexts(call: Call): Promise<void> {
  const { current, contexts } = readContexts(call.environment);
  const items = Object.entries(contexts).map(([name, context]): Shown => ({ name, current: name === current, ...context }));
  await presentTable<Shown>(
    call,
    { items },
    {
      columns: [
        { title: "", value: (one) => (one.current ? "*" : "") },
        { title: "CONTEXT", value: ({ name }) => name, elastic: true },
        { title: "SERVER", value: ({ server }) => server },
        { title: "WORKSPACE", value: ({ workspace }) => workspace ?? "" },
        { title: "TOKEN FILE", value: ({ tokenFile }) => tokenFile ?? "" },
      ],
      rows: items,
      none: "There is no context yet: windlass context set NAME --server URL --token-file FILE",
    },
  );
}

export async function useContext(call: Call): Promise<void> {
  const name = argumentOf(call, 0);
  const known = readContexts(call.environment);
  const context = contextOf(known, name);
  writeContexts(call.environment, { ...known, current: name });
  await present(call, { name, current: true, ...context }, () => `Commands go to ${context.server} from now on\n`);
}

/** What is left out stays as it was. */
export async function setContext(call: Call<{ readonly tokenFile?: string }>): Promise<void> {
  const { options, environment } = call;
  const name = argumentOf(call, 0);
  checkContextName(name);
  if (options.token !== undefined)
    throw new WindlassError("usage", "a context keeps no token; put it into a file that only you can read, and give --token-file");
  const known = readContexts(environment);
  const before = Object.hasOwn(known.contexts, name) ? known.contexts[name] : undefined;
  const server = options.server ?? before?.server;
  if (server === undefined) throw new WindlassError("usage", `the context "${name}" is new: say its server with --server`);
  const tokenFile = options.tokenFile === undefined ? before?.tokenFile : resolve(options.tokenFile);
  const context: Context = { server, tokenFile, workspace: options.workspace ?? before?.workspace };
  writeContexts(environment, { ...known, contexts: { ...known.contexts, [name]: context } });
  const hint = known.current === name ? "" : `; go on with it: windlass context use ${name}`;
  await present(call, { name, current: known.current === name, ...context }, () => `Set in ${contextsFile(environment)}${hint}\n`);
}

export async function unsetContext(call: Call): Promise<void> {
  const name = argumentOf(call, 0);
  const known = readContexts(call.environment);
  const context = contextOf(known, name);
  const { [name]: _, ...contexts } = known.contexts;
  const wasCurrent = known.current === name;
  writeContexts(call.environment, { current: wasCurrent ? null : known.current, contexts });
  await present(
    call,
    { name, current: false, ...context },
    () => `Unset ${name}${wasCurrent ? "; commands go to the server of the data folder again" : ""}\n`,
  );
}
