/** What an editor is told of the tool `container`. */
import {
  AMOUNTS_KEYS,
  CONTAINER_RESOURCES_KEYS,
  EMPTY_DIR_KEYS,
  IMAGE_PULL_POLICIES,
  KUBERNETES_KEYS,
  VOLUME_KEYS,
} from "./read-container.ts";
import { CONTAINER_ENV, objectOf, type Schema, type SchemaFields } from "./schema-object.ts";

const TEXT: Schema = { type: "string" };
const TEXTS: Schema = { type: "array", items: TEXT };
const AMOUNT: Schema = { type: ["string", "number"] };
const ONLY_KUBERNETES = "heeded by the executor kubernetes only";

export function containerFields(timeoutSeconds: Schema): SchemaFields {
  return {
    required: ["image"],
    fields: {
      kind: { const: "container" },
      image: { ...TEXT, minLength: 1, description: "the image, for example docker.io/library/alpine:3" },
      command: { ...TEXTS, minItems: 1, description: "program and arguments in the place of the image's entrypoint" },
      args: { ...TEXTS, description: "in the place of the image's own arguments" },
      env: CONTAINER_ENV,
      resources: objectOf(CONTAINER_RESOURCES_KEYS, {
        fields: {
          requests: { ...amounts(), description: `what it needs at least; ${ONLY_KUBERNETES}` },
          limits: { ...amounts(), description: "what it may use at most" },
        },
      }),
      workingDir: { ...TEXT, description: "an absolute path; the image's own when left out" },
      volumes: { type: "array", items: volume() },
      imagePullPolicy: { enum: IMAGE_PULL_POLICIES, default: "IfNotPresent" },
      output: { enum: ["json"], description: "the last line of its standard output that is JSON is its output" },
      timeoutSeconds,
      ...kubernetesFields(),
    },
  };
}

function amounts(): Schema {
  return objectOf(AMOUNTS_KEYS, {
    fields: { cpu: { ...AMOUNT, examples: ["500m", 2] }, memory: { ...AMOUNT, examples: ["256Mi"] } },
  });
}

function volume(): Schema {
  return objectOf(VOLUME_KEYS, {
    required: ["mountPath"],
    fields: {
      mountPath: { ...TEXT, description: "where the container sees it" },
      readOnly: { type: "boolean" },
      hostPath: { ...TEXT, description: "a path of the engine's host; allowed are those below the setting docker.hostPaths" },
      volume: { ...TEXT, description: "a volume of the engine, made when it is not there" },
      emptyDir: { ...objectOf(EMPTY_DIR_KEYS, { fields: { sizeLimit: AMOUNT } }), description: "in memory, empty at first" },
      configMap: { ...TEXT, description: ONLY_KUBERNETES },
      secret: { ...TEXT, description: ONLY_KUBERNETES },
      claim: { ...TEXT, description: ONLY_KUBERNETES },
    },
  });
}

function kubernetesFields(): Readonly<Record<string, Schema>> {
  const sorts: Readonly<Record<keyof typeof KUBERNETES_KEYS, Schema>> = {
    text: TEXT,
    texts: TEXTS,
    textObject: { type: "object", additionalProperties: TEXT },
    object: { type: "object" },
    list: { type: "array" },
    boolean: { type: "boolean" },
    number: { type: "integer", minimum: 0 },
  };
  return Object.fromEntries(
    Object.entries(KUBERNETES_KEYS).flatMap(([sort, keys]) =>
      keys.map((key) => [key, { ...sorts[sort as keyof typeof KUBERNETES_KEYS], description: ONLY_KUBERNETES }]),
    ),
  );
}
