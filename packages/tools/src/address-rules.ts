/**
 * Which addresses a server calls for its users. Whoever may write a workflow would otherwise reach whatever the server's
 * machine reaches: its own services, the metadata of a cloud with the keys of the machine.
 *
 * R1. What is allowed by name or address is called, also where it is denied by another rule.
 * R2. An IPv4 address that is written as one of IPv6 counts as what it is.
 */
import { BlockList, isIP } from "node:net";

export interface AddressRules {
  /** Why a name is not called, before it is resolved; null when its addresses decide. */
  nameFault(host: string): string | null;
  /** Why an address is not called; null: it is. `host`: the name that led to it. */
  addressFault(address: string, host: string): string | null;
}

/** Words that stand for the networks that people mean by them. */
const NETWORKS: Readonly<Record<string, readonly string[]>> = {
  loopback: ["127.0.0.0/8", "::1/128", "0.0.0.0/8", "::/128"],
  "link-local": ["169.254.0.0/16", "fe80::/10"],
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"],
};

interface Rules {
  readonly addresses: BlockList;
  readonly names: readonly RegExp[];
}

/** Throws an Error that says which of the rules is none. */
export function addressRules({ allow, deny }: { readonly allow: string; readonly deny: string }): AddressRules {
  const [allowed, denied] = [readRules(allow), readRules(deny)];
  const named = (rules: Rules, host: string): boolean => rules.names.some((name) => name.test(host));
  return {
    nameFault: (host) => (named(denied, host) && !named(allowed, host) ? `${host} is not called from this server (http.deny)` : null),
    addressFault(address, host) {
      const plain = plainAddress(address);
      if (isIP(plain) === 0) return `${address} is no address`;
      const family = isIP(plain) === 6 ? "ipv6" : "ipv4";
      if (named(allowed, host) || allowed.addresses.check(plain, family)) return null;
      return denied.addresses.check(plain, family) ? `${plain} is not called from this server (http.deny)` : null;
    },
  };
}

function readRules(text: string): Rules {
  const addresses = new BlockList();
  const names: RegExp[] = [];
  for (const rule of text.split(/[\s,]+/u).filter((word) => word !== "")) {
    const networks = Object.hasOwn(NETWORKS, rule) ? (NETWORKS[rule] ?? []) : [rule];
    for (const network of networks) if (!addNetwork(addresses, network)) names.push(nameRule(network));
  }
  return { addresses, names };
}

function addNetwork(addresses: BlockList, text: string): boolean {
  const [address = "", bits] = text.split("/");
  if (isIP(address) === 0) return false;
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (bits === undefined) addresses.addAddress(address, family);
  else if (/^\d{1,3}$/u.test(bits) && Number(bits) <= (family === "ipv6" ? 128 : 32)) addresses.addSubnet(address, Number(bits), family);
  else throw new Error(`"${text}" is no network; write one such as 10.0.0.0/8`);
  return true;
}

/** `api.example.org`, or `*.example.org` for every name below it. */
function nameRule(text: string): RegExp {
  if (!/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/iu.test(text))
    throw new Error(`"${text}" is no rule: write ${Object.keys(NETWORKS).join(", ")}, an address, a network, a name, or *.example.org`);
  return new RegExp(`^${text.replaceAll(".", String.raw`\.`).replace(/^\*\\\./u, String.raw`.+\.`)}$`, "iu");
}

/** Without its zone, and the IPv4 address within one of IPv6 (RFC 4291, 6052, 3056). */
function plainAddress(address: string): string {
  const bare = address.replace(/%.*$/u, "").replace(/^\[|\]$/gu, "");
  if (isIP(bare) !== 6) return bare;
  const words = wordsOf(bare);
  const zeros = (count: number): boolean => words.slice(0, count).every((word) => word === 0);
  if (zeros(5) && words[5] === 0xff_ff) return dotted(words[6], words[7]);
  if (words[0] === 0x64 && words[1] === 0xff_9b && words.slice(2, 6).every((word) => word === 0)) return dotted(words[6], words[7]);
  return words[0] === 0x20_02 ? dotted(words[1], words[2]) : bare;
}

/** The eight numbers of an IPv6 address. */
function wordsOf(address: string): readonly number[] {
  const [before = "", after] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const left = before === "" ? [] : before.split(":");
  const right = after === undefined || after === "" ? [] : after.split(":");
  const between = after === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => "0");
  return [...left, ...between, ...right].map((word) => Number.parseInt(word, 16));
}

function dotted(high = 0, low = 0): string {
  return [high >>> 8, high & 255, low >>> 8, low & 255].join(".");
}
