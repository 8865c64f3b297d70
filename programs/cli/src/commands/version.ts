/** `windlass version` */
import { hasCode } from "@windlass/kernel";
import { connect } from "../connection/connect.ts";
import { fields } from "../output/api-object.ts";
import { present } from "../output/present.ts";
import { VERSION } from "../version.ts";
import type { Call } from "../tree/call.ts";

export async function version(call: Call): Promise<void> {
  const { client, url } = connect(call);
  let server: string | null = null;
  let absent = "none";
  try {
    server = (await client.system.info()).version;
  } catch (error) {
    // This program's own version is an answer, whoever else listens there.
    if (hasCode(error, "unauthorized")) absent = "one that does not know this token";
    else if (!hasCode(error, "unreachable")) throw error;
  }
  await present(call, { version: VERSION, node: process.versions.node, server }, () =>
    fields(call, [
      ["windlass", VERSION],
      ["node", process.versions.node],
      ["server", server === null ? `${absent} at ${url}` : `${server} at ${url}`],
    ]),
  );
}
