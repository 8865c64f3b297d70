/**
 * Why an attempt or a job ended, or why it does not run, as a code that never changes.
 * `todo` is what `explain` advises; messages may be reworded, codes may not.
 */
export const REASONS = {
  ok: { meaning: "ended well", todo: "" },
  exit_code: { meaning: "the command ended with an exit code other than 0", todo: "read the last lines of its log" },
  signal: {
    meaning: "the command was ended by a signal that Windlass did not send",
    todo: "look for who sent it: the kernel, an operator, the program itself",
  },
  error: { meaning: "the handler threw an error", todo: "read the error's message and stack in its log" },
  failed_for_good: {
    meaning: "the handler said that trying again cannot help",
    todo: "mend the input or the handler, then `windlass jobs retry`",
  },
  retry_requested: { meaning: "the handler asked to be tried again later", todo: "" },
  memory_limit: { meaning: "its processes used more memory than its limit", todo: "raise `resources.limits.memory`, or make it use less" },
  maybe_oom: {
    meaning: "it was killed by SIGKILL, which nobody here sent, while it had a limit of memory",
    todo: "look at the kernel's log for the killer of processes without memory; raise `resources.limits.memory` if it was that one",
  },
  output_too_large: {
    meaning: "its output is larger than an output may be",
    todo: "write large results to a file or an object store and output its address",
  },
  output_invalid: {
    meaning: "its output is not the JSON that was promised",
    todo: "let it print one line of JSON last, or write JSON to the file named by WINDLASS_OUTPUT",
  },
  input_invalid: { meaning: "its input is not what its handler takes", todo: "correct what the message names, and submit it again" },
  command_not_found: { meaning: "the command does not exist or may not be executed", todo: "check its path and its execute permission" },
  bad_working_dir: { meaning: "its working directory does not exist", todo: "make the directory or correct `cwd`" },
  image_not_found: { meaning: "its registry has no such image", todo: "correct the image's name or tag, or push the image" },
  image_unauthorized: {
    meaning: "its registry does not let this host have the image",
    todo: "log the container engine in to the registry, or correct the image's name",
  },
  registry_unreachable: { meaning: "the registry of its image does not answer", todo: "look at the network and at the registry" },
  image_name_invalid: { meaning: "the name of its image is none", todo: "correct `image`" },
  image_not_allowed: {
    meaning: "its image is none of those that are run here (`images.allow`)",
    todo: "name an image that the message allows, or let an operator add it to `images.allow`",
  },
  image_unverified: {
    meaning: "the signature of its image is wanted (`images.verify`) and was not found, or cosign could not look",
    todo: "sign the image (`cosign sign`), install cosign on the server's host, or correct `images.verify`",
  },
  image_not_present: { meaning: "its image is not there, and must not be pulled", todo: "pull the image by hand, or change `pull_policy`" },
  image_pull_failed: { meaning: "its image could not be pulled", todo: "read the message of the registry" },
  bad_spec: { meaning: "its specification cannot be carried out", todo: "correct what the message names" },
  secret_missing: {
    meaning: "it asks for a secret that is not there",
    todo: "`windlass secrets set <name>`, or make the Secret of the cluster that the message names; then run it again",
  },
  secret_unreadable: {
    meaning: "a secret that it asks for cannot be opened here: its key is missing, or it was tampered with",
    todo: "give this server the key that the message names, or set the secret anew; then run it again",
  },
  expression_failed: { meaning: "an expression could not be evaluated", todo: "correct the expression that the message names" },
  step_timeout: { meaning: "the attempt took longer than its time limit", todo: "raise `timeout_seconds`, or find out why it is slow" },
  handler_timeout: {
    meaning: "the handler took longer than its time limit",
    todo: "raise the time limit, or hand long work to something outside and park",
  },
  execution_timeout: { meaning: "the whole execution took longer than its time limit", todo: "raise `timeout_seconds` of the workflow" },
  wait_timeout: { meaning: "what it waited for did not come in time", todo: "raise the wait's time limit, or send it sooner" },
  worker_lost: { meaning: "the worker that held it stopped reporting", todo: "see whether the worker was killed or its host overloaded" },
  supervisor_lost: { meaning: "the supervisor that held its processes was killed", todo: "see who killed it; its processes were ended" },
  host_lost: { meaning: "the host that ran it stopped reporting", todo: "see whether the host is up and reaches the store" },
  vanished_unobserved: { meaning: "it is gone, and nobody saw how it ended", todo: "look at what else may remove it" },
  job_deadline: {
    meaning: "what carries it out ended it, for it took longer than its time limit there",
    todo: "raise `timeout_seconds`, or find out why it is slow",
  },
  job_deleted_outside: {
    meaning: "somebody removed it from where it ran, and not by Windlass",
    todo: "see who removed it; to end a job, use `windlass cancel`",
  },
  node_lost: { meaning: "the node that it ran on was lost, drained or taken for something else", todo: "see what became of the node" },
  pod_deleted: {
    meaning: "its pod was removed while it ran, and not by Windlass",
    todo: "see who removed it; to end a job, use `windlass cancel`",
  },
  ephemeral_storage: {
    meaning: "it wrote more to the disk of its node than it may, and was evicted for it",
    todo: "raise `ephemeral-storage` of its limits or the size of its volume, or make it write less",
  },
  volume_unavailable: {
    meaning: "a volume that it asks for cannot be had where it is to run",
    todo: "make what the message names, or correct the volume",
  },
  image_not_pulled: {
    meaning: "its container image cannot be had: it is not there, may not be read, or its registry does not answer",
    todo: "check the name and tag that the message names, and the credentials for its registry",
  },
  failed_outside: { meaning: "what carries it out said that it failed, and no more", todo: "read the last lines of its log" },
  unschedulable: {
    meaning: "no node can take it: of those that there are, none has what it asks for",
    todo: "ask for less, or add a node that has what the message names",
  },
  quota_exceeded: { meaning: "a quota where it is to run is used up", todo: "wait, or raise the quota that the message names" },
  earlier_attempt_runs: {
    meaning: "only one attempt may run at a time, and an earlier one may still run where nothing is heard of",
    todo: "bring back the node that the message names; if it is off for good, remove it: kubectl delete node <node>",
  },
  admission_refused: { meaning: "a policy where it is to run refuses it", todo: "correct what the message names" },
  pending_outside: { meaning: "it was handed over and has not begun there", todo: "see what the message says" },
  launch_failed: { meaning: "its executor refused to start it", todo: "correct what the message names" },
  cancel_requested: { meaning: "somebody asked to cancel it", todo: "" },
  workflow_disabled: {
    meaning: "its workflow was disabled before it had begun",
    todo: "`windlass workflows enable <workflow>`, then `windlass jobs retry <job>`",
  },
  parent_ended: { meaning: "the job that it belongs to ended", todo: "look at its parent" },
  replaced: { meaning: "a newer job took its place", todo: "" },
  fail_fast: { meaning: "another item of its loop failed, and the loop is to fail at once", todo: "look at the item that failed first" },
  start_deadline: { meaning: "its start deadline passed before it could start", todo: "see what held it back, or give it longer" },
  runner_failed: {
    meaning: "the runner of an isolated execution could not work",
    todo: "correct what the message names; `windlass logs <runner>` shows what it printed",
  },
  spawn_failed: {
    meaning: "no runner of an isolated execution could be made, however often it was tried",
    todo: "correct what the message names, then `windlass dead-letters redrive <execution>`",
  },
  step_failed: { meaning: "a step failed and nothing handled it", todo: "look at the step that the message names" },
  needs_failed: { meaning: "a step that it needs did not succeed", todo: "look at the step that the message names" },
  rejected: { meaning: "somebody who was asked for an approval said no", todo: "read what was said with it" },
  when_false: { meaning: "its condition was not met", todo: "" },
  no_items: { meaning: "its loop had no items", todo: "" },
  too_many_items: {
    meaning: "its loop has more items than a loop may have",
    todo: "split the list, or let one step work on several items",
  },
  rounds_exhausted: {
    meaning: "its condition did not hold after as many rounds as it may have",
    todo: "raise `max_rounds`, or find out why the condition does not come true",
  },
  too_deep: {
    meaning: "it would run more workflows inside of each other than may be",
    todo: "see which workflow runs itself, and let it end sooner, or put its steps into one",
  },
  not_before: { meaning: "it is not to start before a time", todo: "" },
  back_off: { meaning: "it failed before and waits for its next attempt", todo: "look at the attempt that failed" },
  deferred: { meaning: "its worker put it off, counting no attempt", todo: "" },
  queue_paused: { meaning: "its queue is paused", todo: "`windlass queues resume <queue>`" },
  queue_limit: { meaning: "its queue runs as many jobs as it may", todo: "wait, or raise the queue's concurrency limit" },
  spawner_limit: {
    meaning: "as many runners of isolated executions are there, over all workspaces, as may be",
    todo: "wait, or raise the setting `spawner.runningMax`",
  },
  rate_limit: {
    meaning: "as many jobs of its queue, or of its fairness key, were started as its rate allows",
    todo: "wait until the time that the message tells, or raise the rate: `windlass queues set <queue> --rate`, or `--key-rate` for that of each key",
  },
  fairness_limit: {
    meaning: "its fairness key runs as many jobs of its queue as it may",
    todo: "wait, or raise the limit of each key: `windlass queues set <queue> --key-limit`",
  },
  key_held: {
    meaning: "its concurrency key is held by another job",
    todo: "wait for that job, or cancel it; what was skipped for it is run again by `windlass jobs retry`",
  },
  no_worker: { meaning: "no worker serves its queue", todo: "start a worker for that queue" },
  handler_unknown: { meaning: "no worker of its queue knows its handler", todo: "start a worker that registers the handler" },
  no_executor: { meaning: "no executor here can carry it out", todo: "choose another executor, or install what the message names" },
  executor_full: { meaning: "its executor runs as many attempts as it may", todo: "wait, or raise the executor's limit" },
  ready: { meaning: "nothing holds it back; it is next in order", todo: "" },
  is_running: { meaning: "it is running", todo: "" },
  launching: { meaning: "its executor is being asked to start it", todo: "" },
  waiting_time: { meaning: "it waits for a time", todo: "" },
  waiting_completion: { meaning: "it waits to be completed from outside with its token", todo: "" },
  waiting_signal: { meaning: "it waits for a signal", todo: "send it: `windlass signal <execution> <name> --payload <json>`" },
  waiting_approval: {
    meaning: "it waits for somebody's approval",
    todo: "decide: `windlass approve <execution>` or `windlass reject <execution>`",
  },
  waiting_runner: {
    meaning: "it waits for the runner of its isolated execution",
    todo: "see what that waits for: `windlass explain <runner>`",
  },
  waiting_children: { meaning: "it waits for its children", todo: "" },
  is_stopping: { meaning: "it was told to end and has not ended yet", todo: "" },
} as const satisfies Record<string, { meaning: string; todo: string }>;

export type Reason = keyof typeof REASONS;
export const reasons = Object.keys(REASONS) as Reason[];

export function isReason(text: string): text is Reason {
  return Object.hasOwn(REASONS, text);
}
