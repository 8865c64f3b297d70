import { SETTINGS, environmentVariableOf, settingNames } from "@windlass/kernel";
import { code, markdown, table, type ReferencePage } from "./page.ts";

export const settingsPage: ReferencePage = {
  path: "docs/reference/settings.md",
  render: () =>
    markdown({
      title: "Settings",
      from: "packages/kernel/src/setting.ts",
      parts: [
        "Each has a default that is meant to be right; its environment variable changes it for one process.",
        table(
          ["setting", "environment variable", "default", "meaning"],
          settingNames.map((name) => {
            const { default: value, doc } = SETTINGS[name];
            return [code(name), code(environmentVariableOf(name)), String(value) === "" ? "(empty)" : code(String(value)), doc];
          }),
        ),
      ],
    }),
};
