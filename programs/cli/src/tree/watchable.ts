/** Which commands can be watched: what shows how things are; elsewhere `--watch` is the command's own. */
import type { Command } from "commander";

const WATCHABLE = ["list", "get"];
/** Events do not change: there are more of them, and they are followed. */
const FOLLOWED = ["events"];

export function isWatchable(command: Command): boolean {
  return WATCHABLE.includes(command.name()) && !FOLLOWED.includes(command.parent?.name() ?? "");
}
