/** Every call of the client, with its fields, from the table of operations. */
import { COMMON_ERRORS, operations, type Operation } from "@windlass/contract";
import { code, markdown, table, type ReferencePage } from "./page.ts";

/** What is asked of a schema here. */
interface Field {
  safeParse(value: unknown): { readonly success: boolean };
}

export const sdkPage: ReferencePage = {
  path: "docs/reference/sdk.md",
  render: () =>
    markdown({
      title: "Calls of the client",
      from: "packages/contract/src/operations.ts",
      parts: [
        "How a client is made, ten examples and the options of every call: [@windlass/sdk](../../packages/sdk/README.md). Fields with `?` may be left out; their types, " +
          "and those of the answers, are in the editor and in [openapi.json](openapi.json). A stream is read with `for await`; where there is an `each`, it has all pages of the list.",
        `Besides its own errors, every call may be refused with ${COMMON_ERRORS.map(code).join(", ")}, or fail with ${code("unreachable")} or ${code("timed_out")}: [all codes](errors.md).`,
        ...Object.entries(operations).flatMap(([noun, verbs]) => [`## ${noun}`, callsOf(noun, verbs)]),
        "## Made of several",
        table(
          ["call", "what it does"],
          [
            ["`submit(handler, input?, options?)`", "submits a job for a handler, with types from `client<typeof handlers>`"],
            ["`wait(id, { limitMs? })`", "resolves with the job once it has ended; `timed_out` after `limitMs`"],
            [
              "`tail(id, { after?, stream? })`",
              "a stream of the lines that a job prints, over its attempts; each has a `position` to continue behind",
            ],
            ["`ping()`", "resolves when the server is up"],
          ],
        ),
      ],
    }),
};

function callsOf(noun: string, verbs: Readonly<Record<string, Operation>>): string {
  const rows = Object.entries(verbs).map(([verb, operation]) => [
    code(`${noun}.${verb}`) + (verb === "list" && "cursor" in operation.query.shape ? `, ${code(`${noun}.each`)}` : ""),
    operation.summary,
    fieldsOf(operation).map(code).join(" "),
    { json: "JSON", sse: "a stream", bytes: "bytes" }[operation.response],
    operation.permission === null ? "" : code(operation.permission),
    operation.errors.map(code).join(" "),
  ]);
  return table(["call", "what it does", "fields", "answer", "permission", "errors of its own"], rows);
}

function fieldsOf({ params, query, body }: Operation): string[] {
  const shapes = [params, query, body].map((schema) => ("shape" in schema ? (schema.shape as Readonly<Record<string, Field>>) : {}));
  return shapes.flatMap((shape) => Object.entries(shape).map(([name, field]) => (field.safeParse(undefined).success ? `${name}?` : name)));
}
