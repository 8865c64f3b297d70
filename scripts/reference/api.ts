/** The API as an OpenAPI document. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openApiDocument } from "@windlass/contract";
import type { ReferencePage } from "./page.ts";

export const apiPage: ReferencePage = {
  path: "docs/reference/openapi.json",
  render() {
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };
    return `${JSON.stringify(openApiDocument(version), null, 2)}\n`;
  },
};
