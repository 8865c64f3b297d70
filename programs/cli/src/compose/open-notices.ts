/** The queue between dispatcher and spawner as the settings want it: by the scheme of its address, loaded only where it is wanted. */
import { noticeSignatures, SIGNING_MODES, type NoticeOptions, type NoticeSignatures } from "@windlass/engine";
import { environmentVariableOf, WindlassError, type Settings } from "@windlass/kernel";
import { systemClock } from "../machine/system-clock.ts";
import { systemRandom } from "../machine/system-random.ts";
import { toldKeys } from "./secret-keys.ts";

/** Null: the store alone is the queue. Opening makes at the broker what is not there. Throws `invalid`. */
export function noticesOf(settings: Settings): Pick<NoticeOptions, "open" | "signatures"> | null {
  const url = settings["notices.url"];
  if (url === "") return null;
  const signatures = signaturesOf(settings);
  const limits = { visibilityMs: settings["notices.visibilitySeconds"] * 1000, attemptsMax: atLeastOne(settings, "notices.attemptsMax") };
  if (/^(nats|tls):\/\//u.test(url)) {
    const machine = { clock: systemClock, random: systemRandom };
    const open: NoticeOptions["open"] = async () =>
      (await import("@windlass/nats")).openNatsNotices({ url, name: settings["notices.queue"], ...machine, ...limits });
    return { signatures, open };
  }
  if (/^(sqs|https?):\/\//u.test(url)) {
    const endpoint = settings["notices.endpoint"];
    const open: NoticeOptions["open"] = async () =>
      (await import("@windlass/sqs")).openSqsNotices({ url, endpoint, clock: systemClock, ...limits });
    return { signatures, open };
  }
  throw invalid("notices.url", "it must be nats://HOST:4222, tls://HOST:4222, or the address of a queue of SQS");
}

function signaturesOf(settings: Settings): NoticeSignatures {
  const mode = SIGNING_MODES.find((known) => known === settings["notices.signing"]);
  if (mode === undefined)
    throw invalid("notices.signing", `it is "${settings["notices.signing"]}"; it must be one of ${SIGNING_MODES.join(", ")}`);
  const names = { keys: "notices.keys", file: "notices.keyFile" } as const;
  const keys = toldKeys(settings, names) ?? { place: environmentVariableOf("notices.keys"), read: () => "" };
  if (mode === "enforce" && keys.read().trim() === "")
    throw invalid(
      "notices.keys",
      "notices are to be signed, and there is no key: openssl rand -base64 32, the same for all who send and receive; or, where all who can " +
        `write to the queue may run every workflow, ${environmentVariableOf("notices.signing")}=off`,
    );
  return noticeSignatures({ mode, keys, replayMs: atLeastOne(settings, "notices.replaySeconds") * 1000 });
}

function atLeastOne(settings: Settings, name: "notices.attemptsMax" | "notices.replaySeconds"): number {
  if (settings[name] < 1) throw invalid(name, `it is ${settings[name]}; it must be at least 1`);
  return settings[name];
}

function invalid(
  name: "notices.url" | "notices.signing" | "notices.keys" | "notices.attemptsMax" | "notices.replaySeconds",
  why: string,
): WindlassError {
  const path = environmentVariableOf(name);
  return new WindlassError("invalid", `the queue for notices cannot be used: ${path}: ${why}`, { faults: [{ path, message: why }] });
}
