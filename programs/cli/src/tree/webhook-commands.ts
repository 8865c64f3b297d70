/** `webhooks …` */
import { Option, type Command } from "commander";
import type { Performing } from "../program.ts";
import { pair, several, whole } from "./option-values.ts";

const NAME = ["<name>", "its name"] as const;

export function addWebhookCommands(program: Command, perform: Performing): void {
  const webhooks = program.command("webhooks").description("have events told to servers elsewhere, signed, until they are taken");
  chosen(webhooks.command("create").description("tell what happens from now on; only the ends of jobs unless --type says more"))
    .argument("<name>", "a name for it, such as chat")
    .requiredOption("--url <url>", "where it is told")
    .option("--secret <alias>", "secret of the workspace to sign with; one is made, and shown once, when left out")
    .option("--paused", "make it paused: what happens meanwhile is told after --resume")
    .action(perform(async () => (await import("../commands/webhooks.ts")).createWebhook));
  webhooks
    .command("list")
    .description("all of the workspace")
    .action(perform(async () => (await import("../commands/webhooks.ts")).listWebhooks));
  webhooks
    .command("get")
    .description("one of them")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/webhooks.ts")).getWebhook));
  chosen(webhooks.command("update").description("change it, pause it or let it go on; what is left out stays"))
    .argument(...NAME)
    .option("--url <url>", "where it is told from now on")
    .option("--secret <alias>", "secret of the workspace to sign with from now on")
    .option("--pause", "tell nothing until --resume; nothing is lost meanwhile")
    .option("--resume", "go on where it was paused")
    .action(perform(async () => (await import("../commands/webhooks.ts")).updateWebhook));
  webhooks
    .command("delete")
    .description("tell nothing more; its secret stays")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/webhooks.ts")).deleteWebhook));
  webhooks
    .command("test")
    .description("send a message of the type webhook.test, and say what came of it")
    .argument(...NAME)
    .action(perform(async () => (await import("../commands/webhooks.ts")).testWebhook));
  webhooks
    .command("deliveries")
    .description("what was told, and what is still to be, newest event first")
    .argument(...NAME)
    .addOption(new Option("--state <state>", "only these").choices(["pending", "delivered", "dead"]))
    .option("-n, --limit <count>", "how many", whole(1, 500))
    .option("--cursor <position>", "continue behind this one")
    .action(perform(async () => (await import("../commands/webhooks.ts")).listDeliveries));
  webhooks
    .command("redrive")
    .description("send what was given up again, under the same ids")
    .argument(...NAME)
    .argument("[delivery...]", "ids of deliveries; all that are dead when left out")
    .action(perform(async () => (await import("../commands/webhooks.ts")).redriveDeliveries));
}

function chosen(command: Command): Command {
  return command
    .option("--type <event>", "events of this type (several: repeat, or commas); `all` for every one", several)
    .option("--kind <kind>", "of jobs of this kind (several: repeat, or commas)", several)
    .option("--job-name <name>", "of jobs with this name (several: repeat, or commas)", several)
    .option("--outcome <outcome>", "that say that something ended so (several: repeat, or commas)", several)
    .option("--label <label=value>", "of jobs with this label (repeat for several)", pair);
}
