/**
 * Which digest a tag means now, as its registry says (https://github.com/opencontainers/distribution-spec). Called like any server of
 * others: only at addresses that the rules allow, also where a registry sends for its tokens.
 */
import type { AddressRules } from "./address-rules.ts";
import type { ImageName } from "./image-name.ts";
import { sendRequest } from "./send-request.ts";

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface Registries {
  readonly rules: AddressRules;
  readonly loginOf: (registry: string) => RegistryLogin | null;
}

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
/** Tokens of large registries have some kilobytes. */
const ANSWER_BYTES_MAX = 262_144;

/** Throws an Error that says what kept it. */
export async function digestOfImage(name: ImageName, { rules, loginOf }: Registries, signal: AbortSignal): Promise<string> {
  const { registry, repository, tag } = name;
  const login = loginOf(registry);
  const base = `${isLoopback(registry) ? "http" : "https"}://${registry === "docker.io" ? "registry-1.docker.io" : registry}`;
  const url = new URL(`${base}/v2/${repository}/manifests/${tag}`);
  const bounds = { rules, signal, bytesMax: ANSWER_BYTES_MAX, beginning: true, body: null };
  const ask = (authorization: string | null) =>
    sendRequest({ method: "HEAD", url, headers: { accept: MANIFESTS, ...(authorization === null ? {} : { authorization }) }, ...bounds });
  let answer = await ask(null);
  if (answer.status === 401) {
    const challenge = answer.headers["www-authenticate"] ?? "";
    const basic = login === null ? null : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
    if (/^basic/iu.test(challenge) && basic !== null) answer = await ask(basic);
    else if (/^bearer/iu.test(challenge)) {
      const place = placeOfTokens(challenge, repository);
      const headers: Record<string, string> = basic !== null && mayHaveLogin(place, url) ? { authorization: basic } : {};
      const given = await sendRequest({ method: "GET", url: place, headers, ...bounds });
      if (given.status !== 200) throw new Error(`${place.host} gave no token for ${repository}: it answered ${given.status}`);
      const { token, access_token: other } = JSON.parse(given.text) as { token?: string; access_token?: string };
      answer = await ask(`Bearer ${token ?? other ?? ""}`);
    }
  }
  const digest = answer.headers["docker-content-digest"];
  if (answer.status !== 200) throw new Error(`${registry} answered ${answer.status} when asked for ${repository}:${tag}`);
  if (typeof digest !== "string" || !/^sha256:[0-9a-f]{64}$/u.test(digest)) throw new Error(`${registry} did not say its digest`);
  return digest;
}

/** A password goes nowhere that others could read it: without TLS only to where the registry itself is asked without. */
export function mayHaveLogin(place: URL, registry: URL): boolean {
  return place.protocol === "https:" || place.origin === registry.origin;
}

/** `Bearer realm="https://…",service="…"` */
function placeOfTokens(challenge: string, repository: string): URL {
  const parts = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/gu)].map(([, key = "", value = ""]) => [key, value]));
  const place = new URL(parts["realm"] ?? "");
  if (parts["service"] !== undefined) place.searchParams.set("service", parts["service"]);
  place.searchParams.set("scope", `repository:${repository}:pull`);
  return place;
}

/** There engines ask without TLS, too. */
function isLoopback(registry: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/u.test(registry);
}
