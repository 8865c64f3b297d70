/**
 * Which addresses are never called from a server: this machine and its link, where others listen that trust whoever is near
 * (metadata of clouds, databases, our own API). Pure.
 */
import { BlockList, isIP } from "node:net";

const LOCAL = new BlockList();
LOCAL.addSubnet("127.0.0.0", 8, "ipv4");
LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LOCAL.addAddress("::1", "ipv6");
LOCAL.addSubnet("fe80::", 10, "ipv6");

/** Nobody is there, or everybody. */
const NOWHERE = new BlockList();
NOWHERE.addSubnet("0.0.0.0", 8, "ipv4");
NOWHERE.addSubnet("224.0.0.0", 4, "ipv4");
NOWHERE.addSubnet("240.0.0.0", 4, "ipv4");
NOWHERE.addAddress("::", "ipv6");
NOWHERE.addSubnet("ff00::", 8, "ipv6");

/** Ways to write an IPv4 address as one of IPv6 (RFC 4291, 6052, 3056): what counts is the address within. */
const EMBEDDING = new BlockList();
EMBEDDING.addSubnet("::ffff:0:0", 96, "ipv6");
EMBEDDING.addSubnet("::", 96, "ipv6");
EMBEDDING.addSubnet("64:ff9b::", 96, "ipv6");
const SIX_TO_FOUR = new BlockList();
SIX_TO_FOUR.addSubnet("2002::", 16, "ipv6");

/** Why an IP address is not called; null: it may be. */
export function faultOfAddress(address: string, allowsLoopback: boolean): string | null {
  const bare = address.replace(/%.*$/u, "");
  const family = isIP(bare) === 6 ? "ipv6" : "ipv4";
  if (isIP(bare) === 0) return `${address} is no IP address`;
  const inner = family === "ipv6" ? embeddedIn(bare) : null;
  if (inner !== null) return faultOfAddress(inner, allowsLoopback);
  if (NOWHERE.check(bare, family)) return `${address} is no address of a server`;
  if (LOCAL.check(bare, family) && !allowsLoopback)
    return `${address} is this machine or its link, which is not called (webhooks.allowLoopback)`;
  return null;
}

function embeddedIn(address: string): string | null {
  if (address === "::" || address === "::1") return null;
  const words = wordsOf(address);
  if (SIX_TO_FOUR.check(address, "ipv6")) return dotted(words[1] ?? 0, words[2] ?? 0);
  return EMBEDDING.check(address, "ipv6") ? dotted(words[6] ?? 0, words[7] ?? 0) : null;
}

/** The eight numbers of an IPv6 address, as the URL parser writes it out. */
function wordsOf(address: string): readonly number[] {
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [before = "", after] = plain.split("::");
  const left = before === "" ? [] : before.split(":");
  const right = after === undefined || after === "" ? [] : after.split(":");
  const zeros = after === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...zeros, ...right].map((word) => Number.parseInt(word, 16));
}

function dotted(high: number, low: number): string {
  return [high >>> 8, high & 255, low >>> 8, low & 255].join(".");
}
