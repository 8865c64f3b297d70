/** The reference page: an OpenAPI document of ours as HTML, one article for each operation and each schema. Pure. */
import { escaped, noteHtml, schemaHtml, typeHtml, type Schema } from "./reference-schema.ts";

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema; readonly example?: unknown }>>;

interface Described {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly "x-permission"?: string;
  /** In place of what holds for the whole document; empty: none. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly (Parameter | { readonly $ref: string })[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content } | { readonly $ref: string }>>;
}

interface Document {
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters?: Readonly<Record<string, Parameter>>;
    readonly responses?: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
  };
}

interface Entry extends Described {
  readonly method: string;
  readonly path: string;
}

export function referenceHtml(
  given: object,
  links: { readonly style: string; readonly script: string; readonly document: string },
): string {
  const document = given as Document;
  const entries = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]): Entry => ({ ...described, method: method.toUpperCase(), path })),
  );
  const tags = [...new Set(entries.flatMap((entry) => entry.tags))].toSorted();
  const schemas = Object.entries(document.components.schemas);
  const { title, version, description = "" } = document.info;
  const nav = [
    ...tags.map((tag) =>
      group(
        tag,
        entries.filter((entry) => entry.tags.includes(tag)).map((entry) => [entry.operationId, entry.operationId]),
      ),
    ),
    group(
      "schemas",
      schemas.map(([name]) => [`schema-${name}`, name]),
    ),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)} API ${escaped(version)}</title><link rel="stylesheet" href="${links.style}"><script src="${links.script}" defer></script></head>
<body><a class="skip" href="#content">To the content</a><div class="sides">
<nav class="side" aria-label="Operations"><p><label for="search">Search <span class="faint">(press /)</span></label><input type="search" id="search" autocomplete="off"><span id="found" role="status" class="faint"></span></p>${nav.join("")}</nav>
<main id="content"><h1>${escaped(title)} API</h1><p class="faint">Version ${escaped(version)} · <a href="${links.document}">openapi.json</a></p>${paragraphs(description)}
${tags
  .map(
    (tag) =>
      `<section class="group"><h2>${escaped(tag)}</h2>${entries
        .filter((entry) => entry.tags.includes(tag))
        .map((entry) => operationHtml(entry, document))
        .join("")}</section>`,
  )
  .join("")}
<section class="group"><h2>Schemas</h2>${schemas.map(([name, schema]) => `<article id="schema-${escaped(name)}"><h3>${escaped(name)}</h3>${schemaHtml(schema)}</article>`).join("")}</section>
</main></div></body></html>
`;
}

function group(title: string, items: readonly (readonly [string, string])[]): string {
  const lines = items.map(([id, text]) => `<li><a href="#${escaped(id)}">${escaped(text)}</a></li>`);
  return `<div class="group"><h2>${escaped(title)}</h2><ul>${lines.join("")}</ul></div>`;
}

function paragraphs(text: string): string {
  return text
    .split("\n\n")
    .filter((part) => part !== "")
    .map((part) => `<p>${escaped(part)}</p>`)
    .join("");
}

function operationHtml(entry: Entry, { components }: Document): string {
  const parameters = (entry.parameters ?? []).flatMap((one) => ("$ref" in one ? (components.parameters?.[nameOf(one.$ref)] ?? []) : one));
  const [body] = Object.values(entry.requestBody?.content ?? {});
  const responses = Object.entries(entry.responses).map(([status, one]) => {
    const { description, content = {} } = "$ref" in one ? (components.responses?.[nameOf(one.$ref)] ?? { description: "" }) : one;
    const [type, answer] = Object.entries(content)[0] ?? [];
    const shape =
      answer === undefined || Number(status) >= 400 ? "" : `${typeHtml(answer.schema)} <span class="faint">${escaped(type ?? "")}</span>`;
    return `<tr><th scope="row">${escaped(status)}</th><td>${escaped(description)} ${shape}${answer === undefined || Number(status) >= 400 ? "" : exampleHtml(answer.example)}</td></tr>`;
  });
  return `<article id="${escaped(entry.operationId)}"><h3>${escaped(entry.operationId)}</h3>
<p><span class="method ${entry.method}">${entry.method}</span> <code>${escaped(entry.path)}</code></p><p>${escaped(entry.summary)}.</p>${paragraphs(entry.description ?? "")}
<p class="faint">${neededHtml(entry)}</p>
${parameters.length === 0 ? "" : `<h4>Parameters</h4><table>${parameters.map(parameterHtml).join("")}</table>`}
${body === undefined ? "" : `<h4>Body</h4>${"$ref" in body.schema ? `<p>${typeHtml(body.schema)}</p>` : schemaHtml(body.schema)}${exampleHtml(body.example)}`}
<h4>Answers</h4><table>${responses.join("")}</table></article>`;
}

function neededHtml({ "x-permission": permission, security = [] }: Entry): string {
  if (permission !== undefined) return `Needs the permission <code>${escaped(permission)}</code>.`;
  const [scheme] = security.flatMap((one) => Object.keys(one));
  return scheme === undefined ? "Needs no token." : `Needs the ${escaped(scheme)} token.`;
}

function parameterHtml({ name, in: where, required, description, schema }: Parameter): string {
  const rest = required ? "" : ' <span class="faint">optional</span>';
  return `<tr><th scope="row"><code>${escaped(name)}</code></th><td>${typeHtml(schema)} <span class="faint">in the ${escaped(where)}</span>${rest}${noteHtml(description)}</td></tr>`;
}

function exampleHtml(example: unknown): string {
  return example === undefined ? "" : `<pre tabindex="0">${escaped(JSON.stringify(example, null, 2))}</pre>`;
}

function nameOf(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}
