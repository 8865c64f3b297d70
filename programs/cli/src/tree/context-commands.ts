/** `context …` */
import type { Command } from "commander";
import type { Performing } from "../program.ts";

export function addContextCommands(program: Command, perform: Performing): void {
  const contexts = program
    .command("context")
    .alias("contexts")
    .description("servers that you have given names, and which one commands go to");
  contexts
    .command("list")
    .description("the contexts there are; the one that is used has a *")
    .action(perform(async () => (await import("../commands/contexts.ts")).listContexts));
  contexts
    .command("use")
    .description("let commands go to the server of a context, unless they name another")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/contexts.ts")).useContext));
  contexts
    .command("set")
    .description("make or change a context: --server, --workspace, --token-file")
    .argument("<name>", "lower-case letters, digits, . and -")
    .option("--token-file <file>", "where its token is read from at each call; the token itself is not kept")
    .action(perform(async () => (await import("../commands/contexts.ts")).setContext));
  contexts
    .command("unset")
    .description("forget a context")
    .argument("<name>", "its name")
    .action(perform(async () => (await import("../commands/contexts.ts")).unsetContext));
}
