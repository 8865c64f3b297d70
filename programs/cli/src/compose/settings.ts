/** The settings of one process: defaults, then environment variables, then what the command line says. Pure. */
import {
  defaultSettings,
  environmentVariableOf,
  SETTINGS,
  settingNames,
  WindlassError,
  type Fault,
  type SettingName,
  type Settings,
} from "@windlass/kernel";
import type { Environment } from "../machine/environment.ts";

/** Throws `invalid` with every variable that cannot be read. An empty variable counts as not set. */
export function settingsFrom(environment: Environment, given: Partial<Settings> = {}): Settings {
  const settings: Record<string, string | number | boolean> = { ...defaultSettings() };
  const faults: Fault[] = [];
  for (const name of settingNames) {
    const variable = environmentVariableOf(name);
    const text = environment[variable];
    if (text === undefined || text === "") continue;
    const value = valueOf(name, text);
    if (value === undefined) faults.push({ path: variable, message: `${variable} is "${text}"; ${allowed(name)}` });
    else settings[name] = value;
  }
  if (faults.length > 0) throw new WindlassError("invalid", "the settings in the environment cannot be used", { faults });
  return { ...settings, ...given } as unknown as Settings;
}

function valueOf(name: SettingName, text: string): string | number | boolean | undefined {
  switch (typeof SETTINGS[name].default) {
    case "number":
      return /^\d+(\.\d+)?$/u.test(text) ? Number(text) : undefined;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : undefined;
    default:
      return text;
  }
}

function allowed(name: SettingName): string {
  const { default: value, doc }: { readonly default: unknown; readonly doc: string } = SETTINGS[name];
  return typeof value === "boolean"
    ? `it must be true or false (${doc})`
    : `it must be a number of at least 0, for example ${String(value)} (${doc})`;
}
