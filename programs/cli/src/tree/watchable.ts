/** Which commands can be watched: what shows how things are; elsewhere `--watch` is the command's own. */
import type { Command } from "commander";

const WATCHABLE = ["list", "get"];

export function isWatchable(command: Command): boolean {
  return WATCHABLE.includes(command.name());
}
