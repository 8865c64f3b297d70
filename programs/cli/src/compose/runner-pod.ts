/** The pod of a runner on a cluster: hardened as far as its work allows, or as a file of the operator's says. */
import { readFileSync } from "node:fs";
import { isJsonObject, messageOf, WindlassError, type Json, type JsonObject } from "@windlass/kernel";
import { parse } from "yaml";

/** As in deploy/kubernetes/runner-job.yaml; a test compares. */
export const RUNNER_TEMPLATE: JsonObject = {
  spec: {
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 10_001,
      runAsGroup: 10_001,
      fsGroup: 10_001,
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: "main",
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "1Gi" } },
        volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
      },
    ],
    volumes: [{ name: "tmp", emptyDir: { sizeLimit: "1Gi" } }],
  },
};

/** `file`: empty for the usual one. Throws `invalid` for a file that is none. */
export function runnerPod(file: string): (env: Readonly<Record<string, string>>) => JsonObject {
  const template = file === "" ? RUNNER_TEMPLATE : templateOf(file);
  return (env) => ({
    kubernetes: {
      labels: {
        app: "workflow-runner",
        "workflow-id": labelOf(env["WORKFLOW_ID"] ?? ""),
        "execution-id": labelOf(env["EXECUTION_ID"] ?? ""),
        ...(env["SCHEDULE_ID"] === undefined ? {} : { "schedule-id": labelOf(env["SCHEDULE_ID"]) }),
      },
      pod: template,
    },
  });
}

/** The template of a Job, or of a pod alone. */
function templateOf(file: string): JsonObject {
  const wrong = (what: string): WindlassError => new WindlassError("invalid", `WINDLASS_RUNNER_TEMPLATE: ${file} ${what}`);
  let read: Json;
  try {
    read = parse(readFileSync(file, "utf8")) as Json;
  } catch (error) {
    throw wrong(`cannot be read: ${messageOf(error)}`);
  }
  const spec = isJsonObject(read) ? read["spec"] : undefined;
  const template = isJsonObject(spec) && spec["template"] !== undefined ? spec["template"] : read;
  if (!isJsonObject(template) || !isJsonObject(template["spec"] ?? null)) throw wrong("is no Job and no pod: it has no spec");
  const { metadata = {}, spec: pod = {} } = template;
  return { ...(isJsonObject(metadata) && Object.keys(metadata).length > 0 ? { metadata } : {}), spec: pod };
}

/** Names and ids of ours are legal as labels once they are short enough. */
function labelOf(text: string): string {
  return text.slice(0, 63).replace(/[^A-Za-z0-9]+$/u, "");
}
