/**
 * Refuses requests that name another host. A page of the web can make a name of its own point at 127.0.0.1 (DNS
 * rebinding), and would then be of the same origin as this server; it cannot forge the Host header.
 */
import { WindlassError } from "@windlass/kernel";

const LOOPBACK = ["localhost", "127.0.0.1", "[::1]"];

export function hostCheck(hosts: readonly string[] | "any"): (host: string) => void {
  if (hosts === "any") return () => {};
  const known = new Set([...LOOPBACK, ...hosts.map((host) => host.toLowerCase())]);
  return (host) => {
    const name = host.toLowerCase().replace(/:\d+$/u, "");
    if (!known.has(name)) {
      throw new WindlassError(
        "forbidden",
        `this server is not known as ${JSON.stringify(name.slice(0, 200))}; it answers to ${[...known].join(", ")}`,
      );
    }
  };
}
