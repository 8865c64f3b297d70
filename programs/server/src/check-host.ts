/**
 * Refuses requests that name another host. A page of the web can make a name of its own point at 127.0.0.1 (DNS
 * rebinding), and would then be of the same origin as this server; it cannot forge the Host header.
 */
import { WindlassError } from "@windlass/kernel";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];
const HOST_SHOWN_MAX = 200;

export function hostCheck(hosts: readonly string[] | "any"): (host: string) => void {
  if (hosts === "any") return () => {};
  const known = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return (host) => {
    const name = host.toLowerCase().replace(/:\d+$/u, "");
    if (!known.has(name)) {
      throw new WindlassError(
        "host_unknown",
        `the Host header names ${JSON.stringify(name.slice(0, HOST_SHOWN_MAX))}, which this server is not known as, so that no web page can reach it under a name of its own; it answers to ${[...known].join(", ")}: call it so, let a proxy before it send one of them as Host (proxy_set_header Host 127.0.0.1, header_up Host 127.0.0.1), or start it with --host and an address of its network, and it answers to every name`,
      );
    }
  };
}
