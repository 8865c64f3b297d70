/** The settings of this process as the API shows them: what holds, where it comes from, and never a secret. Pure. */
import type { SettingJson } from "@windlass/contract";
import { environmentVariableOf, isSecretSetting, SETTINGS, settingNames, type Settings } from "@windlass/kernel";
import type { Environment } from "../machine/environment.ts";
import { settingsFrom } from "./settings.ts";

export function settingList(settings: Settings, environment: Environment): readonly SettingJson[] {
  const told = settingsFrom(environment);
  return settingNames.map((name) => {
    const variable = environmentVariableOf(name);
    const isSet = (environment[variable] ?? "") !== "";
    const source = settings[name] === told[name] ? (isSet ? "environment" : "default") : "command line";
    return {
      name,
      value: isSecretSetting(name) ? hidden(settings[name]) : shown(settings[name]),
      source,
      variable,
      doc: SETTINGS[name].doc,
    };
  });
}

/** Only whether there is any. */
function hidden(value: string | number | boolean): string {
  return value === "" ? "" : "***";
}

/** An address keeps everything but its password. */
function shown(value: string | number | boolean): string | number | boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return value;
  const url = new URL(value);
  for (const name of url.searchParams.keys()) if (/password|secret|token|key/iu.test(name)) url.searchParams.set(name, "***");
  if (url.password !== "") url.password = "***";
  return url.toString();
}
