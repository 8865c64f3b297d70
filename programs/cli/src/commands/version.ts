/** `windlass version`: this program's own version is an answer, whatever listens there and whatever it says. */
import { hasCode, messageOf } from "@windlass/kernel";
import { connect, type Connection } from "../connection/connect.ts";
import { fields } from "../output/api-object.ts";
import { errorObject } from "../output/error-text.ts";
import { present } from "../output/present.ts";
import { VERSION } from "../version.ts";
import type { Call } from "../tree/call.ts";

interface Asked {
  readonly client: { readonly system: Pick<Connection["client"]["system"], "info"> };
  readonly url: string;
}

export function version(call: Call): Promise<void> {
  return versionsOf(call, connect(call));
}

/** Of this program and of the server; why not of the server is the `problem`. */
export async function versionsOf(call: Call, { client, url }: Asked): Promise<void> {
  let server: string | null = null;
  let problem: object | null = null;
  let absent = "none";
  try {
    server = (await client.system.info()).version;
  } catch (error) {
    problem = errorObject(error);
    absent = absentBy(error);
  }
  await present(call, { version: VERSION, node: process.versions.node, server, problem }, () =>
    fields(call, [
      ["windlass", VERSION],
      ["node", process.versions.node],
      ["server", server === null ? `${absent} at ${url}` : `${server} at ${url}`],
    ]),
  );
}

function absentBy(error: unknown): string {
  if (hasCode(error, "unreachable")) return "none";
  if (hasCode(error, "unauthorized")) return "one that does not know this token";
  return `one that does not tell (${messageOf(error)})`;
}
