/** `windlass runner`: carries the steps of one execution out. Started by the server, which tells it everything by its environment. */
import { seconds } from "@windlass/kernel";
import { runner } from "@windlass/runner";
import { httpRulesOf } from "../compose/http-rules.ts";
import { settingsFrom } from "../compose/settings.ts";
import { systemClock } from "../machine/system-clock.ts";
import type { Call } from "../tree/call.ts";

/** Resolves to the exit code. */
export async function runRunner(call: Call): Promise<number> {
  const { environment, terminal } = call;
  const asked = Promise.withResolvers<string>();
  call.onInterrupt((signal) => asked.resolve(signal), { isPatient: true });
  const settings = settingsFrom(environment);
  return runner({
    environment,
    clock: systemClock,
    rules: httpRulesOf(settings),
    sessionTtlMs: seconds(settings["runner.sessionSeconds"]),
    asked: asked.promise,
    say: (line) => terminal.err(`${line}\n`),
  });
}
