/** Which addresses the tool `http` calls, from the settings. */
import { environmentVariableOf, messageOf, WindlassError, type Settings } from "@windlass/kernel";
import { addressRules, type AddressRules } from "@windlass/tools";

/** Throws `usage` with the variable of a rule that is none. */
export function httpRulesOf(settings: Settings): AddressRules {
  for (const name of ["http.allow", "http.deny"] as const) {
    try {
      addressRules({ allow: settings[name], deny: "" });
    } catch (error) {
      throw new WindlassError("usage", `${environmentVariableOf(name)}: ${messageOf(error)}`, { cause: error });
    }
  }
  return addressRules({ allow: settings["http.allow"], deny: settings["http.deny"] });
}
