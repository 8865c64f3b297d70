/** The document, judged by a validator that is not ours, against the official schema of OpenAPI 3.1. */
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { openApiDocument } from "./openapi.ts";

const judged = async (document: Record<string, unknown>): Promise<boolean> => {
  const validator = new Validator();
  const { valid } = await validator.validate(structuredClone(document));
  expect(validator.version).toBe("3.1");
  return valid;
};

test("whoever reads the document asks the server that it was read from", () => {
  const { servers } = openApiDocument("1.2.3") as { readonly servers: readonly { readonly url: string }[] };
  const asked = (document: string) => servers.map(({ url }) => new URL(url, document).href);
  expect(asked("https://jobs.example:8443/openapi.json")).toEqual(["https://jobs.example:8443/"]);
  expect(asked("https://example.com/windlass/openapi.json")).toEqual(["https://example.com/windlass/"]);
});

test("the document is OpenAPI 3.1", async () => {
  const document = openApiDocument("1.2.3");
  expect(await judged(document)).toBe(true);
  expect(await judged({ ...document, paths: { "/x": { get: { responses: 3 } } } })).toBe(false);
});

test("what the comments of the contract say of fields is in the document, in the editor's words", () => {
  const { paths, components } = openApiDocument("1.2.3") as {
    readonly paths: Record<string, Record<string, { parameters: { name: string; description?: string }[] }>>;
    readonly components: { readonly schemas: Record<string, { properties: Record<string, { description?: string }> }> };
  };
  const label = paths["/api/v1/jobs"]?.["get"]?.parameters.find(({ name }) => name === "label");
  expect(label?.description).toBe("`key=value`");
  const of = (schema: string, field: string) => components.schemas[schema]?.properties[field]?.description;
  expect(of("Submission", "timeoutSeconds")).toBe("The longest that one attempt may take; of an execution, the whole.");
  // Of a schema that another one was made of, too.
  expect(of("JobDetail", "attempts")).toBe(of("Job", "attempts"));
  expect(JSON.stringify(components.schemas["Submission"])).toContain("What becomes of one that finds the key held");
});
