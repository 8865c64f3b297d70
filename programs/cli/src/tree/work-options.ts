/** The options that say what a job is, where it is submitted and where it is scheduled. */
import { RETRY_LIMIT_MAX } from "@windlass/kernel";
import { Option, type Command } from "commander";
import { duration, fraction, pair, priority, several, whole } from "./option-values.ts";

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
    .option("--retries <count>", "attempts after a first one that failed", whole(0, RETRY_LIMIT_MAX))
    .option("--retry-on <outcome,…>", "only after these; failed, failed_oom, failed_timeout and failed_node_lost when left out", several)
    .option("--backoff <duration>", "how long the first retry waits; 1 s when left out", duration)
    .option("--backoff-factor <number>", "each waits so many times as long as the one before; 2 when left out", fraction(1, 100))
    .option("--backoff-max <duration>", "none waits longer than this; 5 min when left out", duration)
    .option("--backoff-jitter <part>", "from 0 to 1: how much of a wait chance may take off; 0.2 when left out", fraction(0, 1))
    .option("--image <image>", "run the command in a container of this image; without a command the image's own")
    .addOption(new Option("--executor <name>", "what carries that container out; docker when left out").choices(["docker", "kubernetes"]))
    .option("--memory <amount>", "the most memory of a command, for example 256Mi")
    .option("--cwd <folder>", "working folder of a command; an empty one of its own when left out")
    .option("-e, --env <name=value>", "a variable for a command; again for more", pair)
    .option("--output-json", "the last line that a command prints is its output, as JSON");
}
