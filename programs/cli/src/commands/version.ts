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
  try {
    server = (await client.system.info()).version;
  } catch (error) {
    // No server is a fine answer to this question; a refusal is not.
    if (!hasCode(error, "unreachable")) throw error;
  }
  await present(call, { version: VERSION, node: process.versions.node, server }, () =>
    fields(call, [
      ["windlass", VERSION],
      ["node", process.versions.node],
      ["server", server === null ? `none at ${url}` : `${server} at ${url}`],
    ]),
  );
}
