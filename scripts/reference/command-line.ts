import { commandReference } from "@windlass/windlass/reference";
import { markdown, type ReferencePage } from "./page.ts";

export const commandLinePage: ReferencePage = {
  path: "docs/reference/cli.md",
  render: () => markdown({ title: "The command line", from: "programs/cli/src/program.ts", parts: commandReference() }),
};
