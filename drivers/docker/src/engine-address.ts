/** Where a container engine may listen: what was set, else the places where Docker and podman usually do. Pure. */
import { WindlassError } from "@windlass/kernel";

export interface EngineAddress {
  /** As it was given, for people. */
  readonly shown: string;
  readonly at: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  /** Of DOCKER_TLS_VERIFY: the folder with ca.pem, cert.pem and key.pem. */
  readonly tlsFolder: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DOCKER_PORT = 2375;
const DOCKER_TLS_PORT = 2376;

/** Sooner ones first. With an address that was set (`docker.host`, else DOCKER_HOST) only that one. */
export function engineAddresses(set: string, environment: Environment): readonly EngineAddress[] {
  const given = set !== "" ? set : (environment["DOCKER_HOST"] ?? "");
  if (given !== "") return [addressOf(given, environment)];
  const { XDG_RUNTIME_DIR: runtime, HOME: home } = environment;
  return [
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    ...(runtime === undefined || runtime === "" ? [] : [`${runtime}/docker.sock`, `${runtime}/podman/podman.sock`]),
    ...(home === undefined || home === ""
      ? []
      : [
          `${home}/.docker/run/docker.sock`,
          `${home}/.docker/desktop/docker.sock`,
          `${home}/.colima/default/docker.sock`,
          `${home}/.local/share/containers/podman/machine/podman.sock`,
        ]),
  ].map((socketPath) => ({ shown: `unix://${socketPath}`, at: { socketPath }, tlsFolder: null }));
}

/** Throws `invalid` for an address that cannot be used. */
function addressOf(given: string, environment: Environment): EngineAddress {
  if (given.startsWith("/")) return { shown: `unix://${given}`, at: { socketPath: given }, tlsFolder: null };
  if (given.startsWith("unix://")) return { shown: given, at: { socketPath: given.slice("unix://".length) }, tlsFolder: null };
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url !== null && ["tcp:", "http:", "https:"].includes(url.protocol) && url.hostname !== "") {
    const isTls = url.protocol === "https:" || (environment["DOCKER_TLS_VERIFY"] ?? "") !== "";
    const port = url.port === "" ? (isTls ? DOCKER_TLS_PORT : DOCKER_PORT) : Number(url.port);
    const folder = environment["DOCKER_CERT_PATH"] ?? `${environment["HOME"] ?? ""}/.docker`;
    return { shown: given, at: { host: url.hostname, port }, tlsFolder: isTls ? folder : null };
  }
  throw new WindlassError(
    "invalid",
    `the address of the container engine is ${JSON.stringify(given)} (docker.host or DOCKER_HOST); it must be unix:///path/of/a/socket or tcp://HOST:PORT`,
  );
}
