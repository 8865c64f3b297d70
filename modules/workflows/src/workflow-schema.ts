/**
 * Workflow files as JSON Schema (draft 7, which editors know), for completion and checks while one types. The keys come
 * from the tables by which files are read: a key without a description here is a bug. It says less than the reader:
 * what belongs together, expressions and names of other steps are checked by `windlass workflows validate`.
 */
import { failureOutcomes, ON_CONFLICT, QUEUE_NAME, RETRY_LIMIT_MAX } from "@windlass/kernel";
import { containerFields } from "./container-schema.ts";
import { INPUT_KEYS, INPUT_NAME } from "./read-inputs.ts";
import { BACKOFF_KEYS, RETRY_KEYS, RETRY_LIMITS_KEYS, RETRY_RESOURCES_KEYS } from "./read-retry.ts";
import { LIMITS_KEYS, RESOURCES_KEYS } from "./read-shell.ts";
import { HTTP_METHODS, RESPONSE_BYTES_MAX } from "./read-http.ts";
import { STEP_CONCURRENCY_KEYS, STEP_KEYS } from "./read-step.ts";
import { TOOL_KEYS, TOOL_KINDS } from "./read-tool.ts";
import { API_VERSION, CONCURRENCY_KEYS, METADATA_KEYS, WORKFLOW_KEYS, WORKFLOW_LABELS_MAX, WORKFLOW_NAME } from "./read-workflow.ts";
import { ENV, objectOf, type Schema, type SchemaFields } from "./schema-object.ts";
import { TIME } from "./step-spec.ts";
import { APPROVAL_KEYS } from "./read-wait.ts";
import {
  APPROVERS_MAX,
  HTTP_TIMEOUT_SECONDS,
  HTTP_TIMEOUT_SECONDS_MAX,
  SIGNAL_NAME_LENGTH_MAX,
  CONTAINER_EXECUTORS,
  INPUT_TYPES,
  ISOLATIONS,
  ITEMS_MAX,
  DEFAULT_MAX_ROUNDS,
  ROUNDS_MAX,
  STEP_NAME_LENGTH_MAX,
  STEPS_MAX,
  TIMEOUT_SECONDS_MAX,
  type Tool,
} from "./workflow.ts";

export type { Schema } from "./schema-object.ts";

export function workflowSchema(): Schema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Windlass workflow",
    ...objectOf(WORKFLOW_KEYS, {
      required: ["apiVersion", "kind", "metadata", "steps"],
      fields: {
        apiVersion: { const: API_VERSION },
        kind: { const: "Workflow" },
        metadata: objectOf(METADATA_KEYS, {
          required: ["name"],
          fields: {
            name: { type: "string", pattern: WORKFLOW_NAME.source, description: "the name under which it is applied and run" },
            labels: {
              type: "object",
              additionalProperties: TEXT,
              maxProperties: WORKFLOW_LABELS_MAX,
              description: "labels of every execution",
            },
          },
        }),
        inputs: {
          type: "object",
          additionalProperties: false,
          patternProperties: { [INPUT_NAME.source]: INPUT },
          description: "what a run is given",
        },
        timeoutSeconds: { ...TIMEOUT, minimum: 1, description: "the longest that an execution may take" },
        concurrency: objectOf(CONCURRENCY_KEYS, {
          required: ["key"],
          fields: {
            key: { type: "string", minLength: 1, description: "executions with the same key wait for each other; may hold {{ }}" },
            limit: { type: "integer", minimum: 1, maximum: 10_000, default: 1 },
            onConflict: {
              enum: ON_CONFLICT,
              default: "queue",
              description: "wait, end as skipped, or take the place of what holds the key",
            },
          },
        }),
        retry: { ...RETRY, description: "of every step that has none of its own" },
        queue: QUEUE,
        priority: { type: "integer", minimum: -1000, maximum: 1000, description: "higher is sooner" },
        isolation: {
          enum: ISOLATIONS,
          default: "shared",
          description:
            "job: its steps shell and http run in a container or process of each execution's own, by windlass runner; shared: beside those of others, also when a schedule runs it",
        },
        schedules: {
          type: "array",
          items: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
          description: "when it is run by itself, each with a name and cron or every",
        },
        executor: { ...EXECUTOR, description: "what carries its containers out" },
        steps: { type: "array", minItems: 1, maxItems: STEPS_MAX, items: { $ref: "#/definitions/step" } },
        finally: { type: "array", items: { $ref: "#/definitions/step" }, description: "steps that run at the end, also after a cancel" },
        output: { description: "the output of the execution; texts may hold {{ }}" },
      },
    }),
    definitions: { step: STEP },
  };
}

const TEXT: Schema = { type: "string" };
const TIMEOUT: Schema = { type: "number", minimum: 0.001, maximum: TIMEOUT_SECONDS_MAX };
const QUEUE: Schema = { type: "string", pattern: QUEUE_NAME.source, description: "the queue of its jobs" };
const EXECUTOR: Schema = { enum: CONTAINER_EXECUTORS };
const DURATION: Schema = {
  anyOf: [
    { type: "number", minimum: 0 },
    { type: "string", pattern: String.raw`^\s*(\d+(\.\d+)?|(\d+(\.\d+)?(ms|s|m|h|d))+)\s*$` },
  ],
  description: "a number of seconds, or a text such as 30s or 1h30m",
};
const TEMPLATE: Schema = { type: "string", pattern: String.raw`\{\{` };

const INPUT: Schema = {
  anyOf: [
    { type: "null" },
    objectOf(INPUT_KEYS, {
      fields: {
        type: { enum: INPUT_TYPES, default: "string" },
        default: {},
        required: { type: "boolean" },
        description: TEXT,
        enum: { type: "array", minItems: 1, items: { type: ["string", "number", "boolean", "null"] } },
      },
    }),
  ],
};

const AMOUNT: Schema = { type: ["string", "number"], examples: ["4Gi"] };
const RETRY_RESOURCES = objectOf(RETRY_RESOURCES_KEYS, {
  fields: { limits: objectOf(RETRY_LIMITS_KEYS, { fields: { memory: AMOUNT, cpu: AMOUNT } }) },
});

const RETRY = objectOf(RETRY_KEYS, {
  required: ["limit"],
  fields: {
    limit: { type: "integer", minimum: 0, maximum: RETRY_LIMIT_MAX, description: "attempts after the first" },
    on: { type: "array", items: { enum: failureOutcomes }, description: "the outcomes that are tried again" },
    resources: {
      type: "object",
      additionalProperties: false,
      properties: Object.fromEntries(failureOutcomes.map((outcome) => [outcome, RETRY_RESOURCES])),
      description: "by outcome: what an attempt may use once one before has ended so",
    },
    backoff: objectOf(BACKOFF_KEYS, {
      fields: {
        initial: DURATION,
        factor: { type: "number", minimum: 1, maximum: 100 },
        max: DURATION,
        jitter: { type: "number", minimum: 0, maximum: 1 },
      },
    }),
  },
});

const STATUS_CODE: Schema = { type: "integer", minimum: 100, maximum: 599 };
const STATUS: Schema = { anyOf: [STATUS_CODE, { type: "array", items: STATUS_CODE }] };

const TOOL_FIELDS: Record<Tool["kind"], SchemaFields> = {
  container: containerFields(TIMEOUT),
  shell: {
    fields: {
      kind: { const: "shell" },
      command: { anyOf: [{ type: "array", minItems: 1, items: TEXT }, TEXT], description: "a program with its arguments" },
      script: { type: "string", pattern: String.raw`\S`, description: "text for sh" },
      cwd: TEXT,
      env: ENV,
      output: { enum: ["json"], description: "the last line of its standard output is its output" },
      resources: objectOf(RESOURCES_KEYS, {
        fields: { limits: objectOf(LIMITS_KEYS, { fields: { memory: { type: ["string", "number"], examples: ["256Mi"] } } }) },
      }),
      timeoutSeconds: TIMEOUT,
    },
  },
  http: {
    required: ["url"],
    fields: {
      kind: { const: "http" },
      method: { enum: HTTP_METHODS, description: "GET, or POST where there is something to send" },
      url: { type: "string", minLength: 1, description: "the address that is called" },
      headers: { type: "object", additionalProperties: TEXT },
      json: { description: "what is sent, as JSON; texts may hold {{ }}" },
      body: { type: "string", description: "what is sent, as it is" },
      auth: { type: "string", minLength: 1, description: "the alias of a secret: its value is the token of the call" },
      expectedStatus: { ...STATUS, description: "statuses that are good; 200 to 299 when left out" },
      retryStatus: { ...STATUS, description: "statuses that are tried again; 429, 502, 503 and 504 when left out" },
      responseBytesMax: { type: "integer", minimum: 1, maximum: RESPONSE_BYTES_MAX },
      timeoutSeconds: { ...TIMEOUT, maximum: HTTP_TIMEOUT_SECONDS_MAX, default: HTTP_TIMEOUT_SECONDS },
    },
  },
  handler: {
    fields: {
      kind: { const: "handler" },
      handler: { type: "string", minLength: 1, description: "the name under which a worker registered its code" },
      name: { type: "string", minLength: 1, description: "the same as handler" },
      queue: QUEUE,
      input: { description: "what the handler is given; texts may hold {{ }}" },
      timeoutSeconds: TIMEOUT,
    },
  },
  workflow: {
    required: ["name"],
    fields: {
      kind: { const: "workflow" },
      name: { type: "string", description: "of an applied workflow: report, report@3 or report@latest" },
      version: { anyOf: [{ type: "integer", minimum: 1 }, { const: "latest" }], description: "the newest when left out" },
      inputs: { anyOf: [{ type: "object" }, TEMPLATE], description: "its inputs by name; texts may hold {{ }}" },
      timeoutSeconds: TIMEOUT,
    },
  },
  wait: {
    fields: {
      kind: { const: "wait" },
      for: { anyOf: [DURATION, TEMPLATE], description: "how long" },
      until: { anyOf: [{ type: "string", pattern: TIME.source }, TEMPLATE], description: "a time with its zone" },
      signal: { type: "string", minLength: 1, maxLength: SIGNAL_NAME_LENGTH_MAX, description: "until a signal of this name comes" },
      schema: { type: "object", description: "of what the signal brings, as JSON Schema" },
      approval: {
        ...objectOf(APPROVAL_KEYS, {
          fields: {
            by: { anyOf: [TEXT, { type: "array", minItems: 1, maxItems: APPROVERS_MAX, items: TEXT }], description: "names of tokens" },
            text: { type: "string", description: "what is approved" },
          },
        }),
        description: "until somebody approves; whoever may, when nobody is named",
      },
      timeoutSeconds: TIMEOUT,
    },
  },
  noop: { fields: { kind: { const: "noop" } } },
};

/** By kind, so that a wrong key is told of the kind that is meant. */
const TOOL: Schema = {
  type: "object",
  required: ["kind"],
  properties: { kind: { enum: TOOL_KINDS } },
  allOf: TOOL_KINDS.map((kind) => ({
    if: { properties: { kind: { const: kind } }, required: ["kind"] },
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    then: objectOf(TOOL_KEYS[kind], TOOL_FIELDS[kind]),
  })),
};

const STEP = objectOf(STEP_KEYS, {
  required: ["name", "tool"],
  fields: {
    name: { type: "string", minLength: 1, maxLength: STEP_NAME_LENGTH_MAX },
    needs: { type: "array", items: TEXT, description: "the steps that come before" },
    when: { type: ["string", "boolean"], description: "an expression; without it a step runs when all it needs succeeded" },
    tool: TOOL,
    foreach: { anyOf: [{ type: "array", maxItems: ITEMS_MAX }, TEMPLATE], description: "once for each item, at the same time" },
    until: {
      type: ["string", "boolean"],
      description: "an expression: the step is run again until it holds; its own name is the round that ended",
    },
    maxRounds: { type: "integer", minimum: 1, maximum: ROUNDS_MAX, default: DEFAULT_MAX_ROUNDS },
    pause: { ...DURATION, description: "between two rounds" },
    maxParallel: { type: "integer", minimum: 1, maximum: ITEMS_MAX },
    failFast: { type: "boolean" },
    timeoutSeconds: { ...TIMEOUT, description: "the longest that an attempt may take" },
    retry: RETRY,
    priority: { type: "integer", minimum: -1000, maximum: 1000, description: "higher is sooner" },
    concurrency: objectOf(STEP_CONCURRENCY_KEYS, {
      required: ["key"],
      fields: {
        key: { type: "string", minLength: 1, description: "jobs with the same key wait for each other; may hold {{ }}" },
        limit: { type: "integer", minimum: 1, maximum: 10_000, default: 1 },
      },
    }),
    continueOnFailure: { type: "boolean" },
    handles: { type: "array", items: TEXT, description: "the failed steps that its success makes good" },
    queue: QUEUE,
    executor: { ...EXECUTOR, description: "what carries its container out; as the workflow says when left out" },
  },
});
