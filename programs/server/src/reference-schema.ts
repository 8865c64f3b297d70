/** JSON schemas as people read them: `list of text`, `number, at least 1`, a table of fields. Pure; gives HTML. */

export type Schema = Readonly<Record<string, unknown>>;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const WORDS: Readonly<Record<string, string>> = {
  string: "text",
  array: "list",
  integer: "whole number",
  boolean: "true or false",
  null: "null",
};
/** What schemas say of themselves that take anything: their types say it already. */
const ANYTHING = /^Any JSON (value|object)$/u;
/** Fields within fields beyond this are shown as JSON. */
const DEPTH_MAX = 6;

export function escaped(text: string): string {
  return text.replace(/[&<>"']/gu, (letter) => ENTITIES[letter] ?? letter);
}

/** What is said of something, on a line of its own; what stands between backticks is code. */
export function noteHtml(text: unknown): string {
  return typeof text === "string" ? `<br>${escaped(text).replace(/`([^`]+)`/gu, "<code>$1</code>")}` : "";
}

/** In one line. */
export function typeHtml(schema: Schema): string {
  const ref = schema["$ref"];
  if (typeof ref === "string") {
    const name = escaped(ref.slice(ref.lastIndexOf("/") + 1));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if ("const" in schema) return `<code>${escaped(JSON.stringify(schema["const"]))}</code>`;
  if (Array.isArray(schema["enum"])) return schema["enum"].map((value) => `<code>${escaped(String(value))}</code>`).join(" | ");
  const options = (schema["anyOf"] ?? schema["oneOf"]) as readonly Schema[] | undefined;
  if (options !== undefined) return options.map(typeHtml).join(" or ");
  const { type } = schema;
  if (type === "array") return `list of ${typeHtml((schema["items"] ?? {}) as Schema)}${limitsOf(schema)}`;
  const values = schema["additionalProperties"];
  if (type === "object" && typeof values === "object" && values !== null && Object.keys(values).length > 0)
    return `object of ${typeHtml(values as Schema)}`;
  if (typeof type !== "string") return "any JSON value";
  return `${WORDS[type] ?? type}${limitsOf(schema)}`;
}

/** With its fields, when it has some. */
export function schemaHtml(schema: Schema, depth = 0): string {
  const options = (schema["anyOf"] ?? schema["oneOf"]) as readonly Schema[] | undefined;
  if (options?.some(hasFields) === true) return options.map((option) => schemaHtml(option, depth + 1)).join("<p>or</p>");
  if (!hasFields(schema) || depth > DEPTH_MAX) return `<p>${typeHtml(schema)}</p>`;
  const required = new Set((schema["required"] ?? []) as readonly string[]);
  const rows = Object.entries(schema["properties"] as Readonly<Record<string, Schema>>).map(([name, field]) => {
    const inner = innerOf(field);
    const more = inner === undefined ? "" : schemaHtml(inner, depth + 1);
    return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${typeHtml(field)}${required.has(name) ? "" : ' <span class="faint">optional</span>'}${defaultOf(field)}${noteOf(field)}${more}</td></tr>`;
  });
  return `<table>${rows.join("")}</table>`;
}

function hasFields(schema: Schema): boolean {
  return typeof schema["properties"] === "object";
}

/** Whose fields are shown below: an object, the items of a list. */
function innerOf(field: Schema): Schema | undefined {
  if (hasFields(field)) return field;
  const items = field["items"];
  return typeof items === "object" && items !== null && hasFields(items as Schema) ? (items as Schema) : undefined;
}

function noteOf({ description }: Schema): string {
  return typeof description === "string" && !ANYTHING.test(description) ? noteHtml(description) : "";
}

function defaultOf(field: Schema): string {
  return "default" in field ? ` <span class="faint">default <code>${escaped(JSON.stringify(field["default"]))}</code></span>` : "";
}

function limitsOf(schema: Schema): string {
  const words: [string, string][] = [
    ["minimum", "at least"],
    ["exclusiveMinimum", "more than"],
    ["maximum", "at most"],
    ["minLength", "at least"],
    ["maxLength", "at most"],
    ["minItems", "at least"],
    ["maxItems", "at most"],
  ];
  const limits = words.flatMap(([key, word]) => {
    const value = schema[key];
    // What only says that numbers are those of JavaScript tells nobody anything.
    return typeof value === "number" && Math.abs(value) < Number.MAX_SAFE_INTEGER
      ? [`${word} ${value}${key.endsWith("Length") ? ` character${value === 1 ? "" : "s"}` : ""}`]
      : [];
  });
  return limits.length === 0 ? "" : ` <span class="faint">(${limits.join(", ")})</span>`;
}
