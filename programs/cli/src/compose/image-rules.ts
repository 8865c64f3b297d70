/** Which images are run, from the settings. */
import { environmentVariableOf, WindlassError, type Settings } from "@windlass/kernel";
import { registryLogin } from "@windlass/docker";
import type { ImageGate } from "@windlass/ports";
import { imageGate } from "@windlass/tools";
import type { Environment } from "../machine/environment.ts";
import { systemClock } from "../machine/system-clock.ts";
import { httpRulesOf } from "./http-rules.ts";

type Name = "images.allow" | "images.pin" | "images.verify";

/** Undefined where the settings ask for nothing. Throws `usage` with the variable of one that is wrong. */
export function imageGateOf(settings: Settings, environment: Environment): ImageGate | undefined {
  const allow = settings["images.allow"]
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  const pin = settings["images.pin"];
  if (pin !== "" && pin !== "digest") throw wrong("images.pin", pin, "digest, or nothing");
  const verify = verifyOf(settings["images.verify"].trim());
  if (allow.length === 0 && pin === "" && verify === null) return undefined;
  const loginOf = (registry: string) => registryLogin(registry, environment);
  return imageGate({ allow, pin: pin === "digest", verify }, { rules: httpRulesOf(settings), loginOf, clock: systemClock });
}

/** Arguments of cosign. */
function verifyOf(text: string): readonly string[] | null {
  if (text === "") return null;
  const [, key] = /^key=(\S+)$/u.exec(text) ?? [];
  if (key !== undefined) return ["--key", key];
  const [, identity, issuer] = /^identity=(\S+)\s+issuer=(\S+)$/u.exec(text) ?? [];
  if (identity === undefined || issuer === undefined)
    throw wrong("images.verify", text, "key=/path/of/cosign.pub, or identity=NAME issuer=URL");
  return ["--certificate-identity", identity, "--certificate-oidc-issuer", issuer];
}

function wrong(name: Name, found: string, allowed: string): WindlassError {
  return new WindlassError("usage", `${environmentVariableOf(name)} is "${found}"; it must be ${allowed}`);
}
