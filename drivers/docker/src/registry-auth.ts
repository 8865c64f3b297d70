/**
 * The login of a registry, as `docker login` and `podman login` store it, for the engine to use. Logins that a helper
 * program keeps are the engine's own affair: podman's service knows them, Docker's does not.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Environment } from "./engine-address.ts";

/** The value of `X-Registry-Auth`; null when there is no login. */
export function registryAuth(image: string, environment: Environment): string | null {
  const registry = registryOf(image);
  const login = registryLogin(registry, environment);
  if (login === null) return null;
  // With the padding that Node leaves out and engines want.
  const text = Buffer.from(JSON.stringify({ ...login, serveraddress: registry })).toString("base64");
  return text.replaceAll("+", "-").replaceAll("/", "_");
}

/** What is stored for a registry; null when nothing is. */
export function registryLogin(registry: string, environment: Environment): { readonly username: string; readonly password: string } | null {
  const keys = registry === "docker.io" ? ["https://index.docker.io/v1/", "docker.io"] : [registry, `https://${registry}`];
  for (const path of filesOf(environment)) {
    const auths = readAuths(path);
    const auth = keys.map((key) => auths[key]?.auth).find((one) => one !== undefined && one !== "");
    if (auth === undefined) continue;
    const [username = "", ...password] = Buffer.from(auth, "base64").toString().split(":");
    return { username, password: password.join(":") };
  }
  return null;
}

/** A first part with a dot or a colon, or `localhost`, is a registry (the reference grammar of distribution). */
export function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/u.test(first) || first === "localhost") ? first : "docker.io";
}

function filesOf({
  DOCKER_CONFIG: config,
  HOME: home,
  XDG_RUNTIME_DIR: runtime,
  REGISTRY_AUTH_FILE: file,
}: Environment): readonly string[] {
  return [
    ...(file === undefined || file === "" ? [] : [file]),
    ...(config === undefined || config === "" ? [] : [join(config, "config.json")]),
    ...(home === undefined || home === "" ? [] : [join(home, ".docker", "config.json")]),
    ...(runtime === undefined || runtime === "" ? [] : [join(runtime, "containers", "auth.json")]),
  ];
}

function readAuths(path: string): Readonly<Record<string, { readonly auth?: string } | undefined>> {
  try {
    const { auths } = JSON.parse(readFileSync(path, "utf8")) as { auths?: Record<string, { auth?: string }> };
    return auths ?? {};
  } catch {
    // Not there, or not for us: then there is no login.
    return {};
  }
}
