/**
 * What was observed on a cluster of one attempt, for people: its pods with their nodes and containers, and what the cluster said
 * of them. It was stored as it was told, so nothing of its shape is taken for granted.
 */
import { isJsonObject, type Json, type JsonObject } from "@windlass/kernel";
import { printable, type Style } from "./style.ts";

/** The latest of each; all of them are in the attempt. */
const PODS_MAX = 3;
const EVENTS_MAX = 8;
const MESSAGE_LENGTH_MAX = 200;

/** Empty: nothing of a cluster is in it. */
export function clusterBlock(evidence: Json | undefined, style: Style): string {
  if (!isJsonObject(evidence)) return "";
  const [pods, events] = [objectsOf(evidence["pods"]), objectsOf(evidence["events"])];
  const [job] = objectsOf([evidence["job"] ?? null]);
  const lines = [
    ...(job === undefined ? [] : [`  job ${textOf(job["name"])} in ${textOf(job["namespace"])}`]),
    ...pods.slice(-PODS_MAX).flatMap(podLines),
    ...objectsOf(evidence["nodes"])
      .filter(({ ready }) => ready === false)
      .map((node) => `  node ${textOf(node["name"])} does not report${colon(node["message"])}`),
    ...events.slice(-EVENTS_MAX).map((event) => `  ${eventLine(event)}`),
  ];
  return lines.length === 0 ? "" : `${style("dim", "on the cluster:")}\n${lines.map((line) => `${printable(line)}\n`).join("")}`;
}

function podLines(pod: JsonObject): readonly string[] {
  const node = textOf(pod["node"]) === "" ? "" : ` on ${textOf(pod["node"])}`;
  const gone = textOf(pod["goneAt"]) === "" ? "" : ", gone since";
  const head = `  pod ${textOf(pod["name"])}${node}: ${[textOf(pod["phase"]), textOf(pod["reason"])].filter((text) => text !== "").join(", ")}${gone}${colon(pod["message"])}`;
  return [head, ...objectsOf(pod["containers"]).map((container) => `    ${containerLine(container)}`)];
}

function containerLine({ name = "", sort = "", image = "", memoryLimit = "", restarts = 0, state = null }: JsonObject): string {
  const { is = "", reason = "", exitCode = null, message = "" } = isJsonObject(state) ? state : {};
  const how = [textOf(is), textOf(reason), exitCode === null ? "" : `exit code ${numberOf(exitCode)}`]
    .filter((text) => text !== "")
    .join(", ");
  const what = [textOf(sort), textOf(image), textOf(memoryLimit) === "" ? "" : `limit ${textOf(memoryLimit)}`]
    .filter((text) => text !== "")
    .join(", ");
  return `${textOf(name)} (${what}): ${how}${restarts === 0 ? "" : `, restarted ${restarts === 1 ? "once" : `${numberOf(restarts)} times`}`}${colon(message)}`;
}

function eventLine({ at = "", type = "", kind = "", reason = "", message = "", count = 1 }: JsonObject): string {
  const times = count === 1 ? "" : ` (${numberOf(count)} times)`;
  return `${textOf(at).slice(11, 19)}  ${textOf(type)}  ${textOf(kind)} ${textOf(reason)}${times}${colon(message)}`;
}

function colon(message: Json | undefined): string {
  const text = textOf(message).trim();
  return text === "" ? "" : `: ${text.slice(0, MESSAGE_LENGTH_MAX)}`;
}

function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

function numberOf(value: Json): string {
  return typeof value === "number" ? String(value) : "?";
}

function objectsOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter((one): one is JsonObject => isJsonObject(one as Json)) : [];
}
