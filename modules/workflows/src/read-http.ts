/** Reads the tool `http`: one request, and which answers are good. */
import { isJsonObject, type Json } from "@windlass/kernel";
import { present, type Fields } from "./fields.ts";
import { shown, sortOf } from "./finding.ts";
import { isTemplate } from "./template.ts";
import { HTTP_TIMEOUT_SECONDS_MAX, type HttpTool } from "./workflow.ts";

export const HTTP_KEYS = {
  known: [
    "kind",
    "method",
    "url",
    "headers",
    "json",
    "body",
    "auth",
    "expectedStatus",
    "retryStatus",
    "responseBytesMax",
    "timeoutSeconds",
  ],
};
export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
/** About as large as an output may be. */
export const RESPONSE_BYTES_MAX = 1_048_576;

export function readHttp(fields: Fields, timeoutSeconds: number | undefined): HttpTool {
  if (!fields.has("url")) fields.missing("url", "the address that is called");
  if (fields.has("json") && fields.has("body")) fields.fault("body", "there is json as well; remove one of the two");
  if (timeoutSeconds !== undefined && timeoutSeconds > HTTP_TIMEOUT_SECONDS_MAX)
    fields.note([], `a call may take ${HTTP_TIMEOUT_SECONDS_MAX} s at most; what takes longer belongs outside: let it send a signal`);
  const url = fields.text("url") ?? "";
  if (url !== "" && !isTemplate(url) && !/^https?:\/\//iu.test(url))
    fields.fault("url", `expected http:// or https://, found ${shown(url)}`);
  return present({
    kind: "http",
    method: fields.oneOf("method", HTTP_METHODS),
    url,
    headers: readHeaders(fields),
    json: fields.raw("json"),
    body: fields.text("body"),
    auth: fields.text("auth"),
    expectedStatus: readStatus(fields, "expectedStatus"),
    retryStatus: readStatus(fields, "retryStatus"),
    responseBytesMax: fields.number("responseBytesMax", { min: 1, max: RESPONSE_BYTES_MAX, whole: true }),
  } as const);
}

function readHeaders(fields: Fields): Readonly<Record<string, string>> | undefined {
  const headers = fields.object("headers");
  for (const [name, value] of Object.entries(headers ?? {})) {
    const path = [fields.pathOf("headers").at(-1) ?? "headers", name];
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/u.test(name)) fields.note(path, `${shown(name)} is no name of a header`, true);
    else if (typeof value !== "string") fields.note(path, `a header is text, found ${shown(value)}; put it in quotes`);
  }
  return isJsonObject(headers ?? null) ? (headers as Readonly<Record<string, string>>) : undefined;
}

/** One status, or several. */
function readStatus(fields: Fields, key: "expectedStatus" | "retryStatus"): readonly number[] | undefined {
  const value = fields.raw(key);
  if (value === undefined) return undefined;
  const list: readonly Json[] = Array.isArray(value) ? (value as readonly Json[]) : [value];
  const isStatus = (one: Json): one is number => typeof one === "number" && Number.isInteger(one) && one >= 100 && one <= 599;
  if (list.every(isStatus)) return list;
  fields.fault(key, `expected a status such as 201, or a list of them, found ${Array.isArray(value) ? shown(value) : sortOf(value)}`);
  return undefined;
}
