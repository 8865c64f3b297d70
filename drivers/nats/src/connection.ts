/** A connection to NATS: where it is, who we are there, and whether it is new enough. */
import { readFileSync } from "node:fs";
import { messageOf, WindlassError } from "@windlass/kernel";
import { connect, credsAuthenticator, type Authenticator, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node";

/** The first that holds a message back until its time (ADR-51), and so can have one retried without counting. */
const NATS_VERSION_MIN = "2.12";
const CONNECT_MS_MAX = 5_000;
const RECONNECT_MS = 500;

/**
 * `nats://HOST:4222`, or several with commas between them. With `USER:PASSWORD@` or `TOKEN@` before the host, `tls://`
 * instead of `nats://`, and `?creds=/path/of/a/file`, where they are wanted; those of the first hold for all.
 * Throws `unavailable`; `tool_missing` when it is too old or has no JetStream; `invalid` for an address that is none.
 */
export async function connectNats(url: string): Promise<NatsConnection> {
  const options = optionsOf(url);
  let connection: NatsConnection;
  try {
    connection = await connect(options);
  } catch (error) {
    throw new WindlassError("unavailable", `NATS at ${placeOf(url)} cannot be reached: ${messageOf(error)}`, { cause: error });
  }
  const fault = faultOf(connection);
  if (fault === null) return connection;
  await connection.close();
  throw new WindlassError("tool_missing", `NATS at ${placeOf(url)} ${fault}`);
}

/** Without what is secret in it, for messages. */
export function placeOf(url: string): string {
  return partsOf(url)
    .map((part) => (URL.canParse(part) ? new URL(part).host : part.replace(/^.*@/u, "")))
    .join(", ");
}

function optionsOf(url: string): NodeConnectionOptions {
  const parts = partsOf(url);
  const urls = parts.map((part) => {
    if (!/^(nats|tls):\/\//u.test(part) || !URL.canParse(part))
      throw new WindlassError("invalid", `"${placeOf(part)}" is no address of NATS; it must be like nats://HOST:4222 or tls://HOST:4222`);
    return new URL(part);
  });
  const [first] = urls;
  if (first === undefined) throw new WindlassError("invalid", "there is no address of NATS; it must be like nats://HOST:4222");
  const [name, password] = [decodeURIComponent(first.username), decodeURIComponent(first.password)];
  const creds = first.searchParams.get("creds") ?? "";
  return {
    servers: urls.map(({ host }) => host),
    name: "windlass",
    timeout: CONNECT_MS_MAX,
    // Whoever lost it finds it again, however long it was away (P7).
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_MS,
    // A broker that starts may refuse for a moment whom it takes later.
    ignoreAuthErrorAbort: true,
    ...(first.protocol === "tls:" ? { tls: {} } : {}),
    ...(name === "" ? {} : password === "" ? { token: name } : { user: name, pass: password }),
    ...(creds === "" ? {} : { authenticator: credentialsIn(creds) }),
  };
}

/** Read anew at each connection: whoever exchanges the file need not start anything again. */
export function credentialsIn(file: string): Authenticator {
  readFileSync(file);
  return (nonce) => credsAuthenticator(readFileSync(file))(nonce);
}

function partsOf(url: string): readonly string[] {
  return url
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** What keeps it from being used; null: nothing. */
function faultOf({ info }: NatsConnection): string | null {
  const version = info?.version ?? "unknown";
  if (!isNewEnough(version)) return `is version ${version}; ${NATS_VERSION_MIN} or newer is needed`;
  return info?.jetstream === true ? null : `${version} has no JetStream: start it with --jetstream`;
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [majorMin = 0, minorMin = 0] = NATS_VERSION_MIN.split(".").map(Number);
  return major > majorMin || (major === majorMin && minor >= minorMin);
}
