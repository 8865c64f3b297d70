/**
 * The API's reference for people and programs, open to all for it holds nothing but what the source holds: the OpenAPI
 * document, and a page made from it. The page is ours and loads nothing from elsewhere: the known viewers bring one to
 * three megabytes of script and want styles that a strict policy forbids, for what is a list with links.
 *
 * R1. Each of its texts is made once: to make it holds up the server for as long as hundreds of calls do, and nobody needs a
 *     token to ask for it.
 */
import { hash } from "node:crypto";
import { openApiDocument } from "@windlass/contract";
import { isFresh } from "./etag.ts";
import type { App } from "./mount.ts";
import { REFERENCE_SCRIPT, REFERENCE_STYLE } from "./reference-assets.ts";
import { referenceHtml } from "./reference-html.ts";

export const OPENAPI_PATH = "/openapi.json";
export const DOCS_PATH = "/docs";

const STYLE_PATH = `${DOCS_PATH}/reference.css`;
const SCRIPT_PATH = `${DOCS_PATH}/reference.js`;
/** Behind a reverse proxy all of them may lie below a prefix of which nothing is known here. */
const relative = (path: string): string => path.slice(1);
const POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function serveReference(app: App, version: string): void {
  const send = (path: string, type: string, make: () => string): void => {
    const textOf = keptText(make);
    app.get(path, (c) => {
      const { text, tag } = textOf();
      c.get("noted").ownHeaders = { "content-security-policy": POLICY, "cache-control": "no-cache", etag: tag };
      if (isFresh(c.req.header("if-none-match"), tag)) return c.body(null, 304);
      return c.body(text, 200, { "content-type": `${type}; charset=utf-8` });
    });
  };
  // Whoever opens the address that a start prints finds what may be asked there.
  app.get("/", (c) => c.redirect(relative(DOCS_PATH)));
  send(OPENAPI_PATH, "application/json", () => JSON.stringify(openApiDocument(version)));
  send(DOCS_PATH, "text/html", () =>
    referenceHtml(openApiDocument(version), {
      style: relative(STYLE_PATH),
      script: relative(SCRIPT_PATH),
      document: relative(OPENAPI_PATH),
    }),
  );
  send(STYLE_PATH, "text/css", () => REFERENCE_STYLE);
  send(SCRIPT_PATH, "text/javascript", () => REFERENCE_SCRIPT);
}

/** Made when somebody asks, for most servers are never asked; then it is kept (R1). */
export function keptText(make: () => string): () => { readonly text: string; readonly tag: string } {
  let kept: { readonly text: string; readonly tag: string } | null = null;
  return () => {
    if (kept === null) {
      const text = make();
      kept = { text, tag: `"${hash("sha256", text).slice(0, 22)}"` };
    }
    return kept;
  };
}
