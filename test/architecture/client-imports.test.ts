/** What the client loads: routes and errors, never a schema. The CLI and other people's programs start with it. */
import { expect, test } from "vitest";
import { reachedFrom } from "./module-graph.ts";

test("the client loads no schema and no library", () => {
  const reached = reachedFrom("packages/sdk/src/index.ts").map(({ target }) => (target.type === "file" ? target.path : target.specifier));
  expect(reached).toContain("packages/contract/src/routes.ts");
  const allowed = /^packages\/(sdk|kernel)\/src\/|^packages\/contract\/src\/(routes|worker-connection|worker-frames)\.ts$/u;
  expect(reached.filter((path) => !allowed.test(path))).toEqual([]);
});
