/** The options that say what a job is, where it is submitted and where it is scheduled. */
import { Option, type Command } from "commander";
import { duration, pair, priority, whole } from "./option-values.ts";

const CONCURRENCY_MAX = 1_000_000;

export function workOptions(command: Command): Command {
  return command
    .option("--handler <name>", "the handler that a worker registered under this name")
    .option("--queue <queue>", "its queue")
    .option("--priority <number>", "higher is sooner; -1000 to 1000", priority)
    .option("--fairness-key <text>", "whose job it is (a tenant): a queue starts jobs in turn over its keys")
    .option("--concurrency-key <key>", "of the jobs of one key only so many run at once, whatever their queues")
    .option("--concurrency-limit <count>", "how many of its key; 1 when left out", whole(1, CONCURRENCY_MAX))
    .option("--dead-letter", "keep it as a dead letter when it fails for good")
    .option("--no-dead-letter", "do not, whatever its queue says")
    .option("--timeout <duration>", "the longest that an attempt may take", duration)
    .option("--retries <count>", "attempts after a first one that failed", whole(0, 1000))
    .option("--image <image>", "run the command in a container of this image; without a command the image's own")
    .addOption(new Option("--executor <name>", "what carries that container out; docker when left out").choices(["docker", "kubernetes"]))
    .option("--memory <amount>", "the most memory of a command, for example 256Mi")
    .option("--cwd <folder>", "working folder of a command; an empty one of its own when left out")
    .option("-e, --env <name=value>", "a variable for a command; again for more", pair)
    .option("--output-json", "the last line that a command prints is its output, as JSON");
}
