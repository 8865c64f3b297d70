/** The reference, as a browser gets it. */
import { operationList } from "@windlass/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { referenceHtml } from "./reference-html.ts";
import { keptText } from "./reference-page.ts";
import { escaped, schemaHtml } from "./reference-schema.ts";
import { BASE, testServer, type TestServer } from "./server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

/** Where a reverse proxy has it, and what of that the server is asked. */
const PREFIX = "https://example.org/tools/windlass";
const ownPath = (link: string, page: string): string => {
  const { href } = new URL(link, PREFIX + page);
  expect(href.slice(0, PREFIX.length + 1)).toBe(`${PREFIX}/`);
  return href.slice(PREFIX.length);
};
const get = (path: string): Promise<Response> => server.app.fetch(new Request(BASE + path));

test("the document is served without a token, and is the one of this version", async () => {
  const answer = await get("/openapi.json");
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ openapi: "3.1.0", info: { version: "0.0.0-test" } });
});

test("whoever asks again makes no work: each text is made once, and sent once to who keeps it", async () => {
  let times = 0;
  const textOf = keptText(() => `made ${++times} times`);
  expect(times).toBe(0);
  expect([textOf().text, textOf().text]).toEqual(["made 1 times", "made 1 times"]);
  for (const path of ["/openapi.json", "/docs"]) {
    const first = await get(path);
    const again = await server.app.fetch(new Request(BASE + path, { headers: { "if-none-match": first.headers.get("etag") ?? "" } }));
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", first.headers.get("etag")]);
  }
});

test("whoever opens the bare address is led to the page", async () => {
  const answer = await get("/");
  expect([answer.status, ownPath(answer.headers.get("location") ?? "", "/")]).toEqual([302, "/docs"]);
});

test("the page shows every operation, loads only from this server, and runs no script of its own text", async () => {
  const answer = await get("/docs");
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("content-security-policy")).toBe(
    "default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  const html = await answer.text();
  for (const { id } of operationList) expect(html).toContain(`<article id="${id}">`);
  expect(html).not.toMatch(/ style=| on\w+=|<style|javascript:/u);
  const loaded = [...html.matchAll(/(?:src|rel="stylesheet" href)="([^"]+)"/gu)].map((match) => match[1] ?? "");
  expect(loaded).toHaveLength(2);
  for (const path of loaded.map((link) => ownPath(link, "/docs"))) {
    expect(path).toMatch(/^\/docs\//u);
    const part = await get(path);
    expect(part.status).toBe(200);
    expect(part.headers.get("content-type")).toMatch(/^text\/(css|javascript); charset=utf-8$/u);
  }
});

test("every link of the page leads somewhere", async () => {
  const html = await (await get("/docs")).text();
  const ids = new Set([...html.matchAll(/ id="([^"]+)"/gu)].map((match) => match[1]));
  for (const [, target] of html.matchAll(/href="#([^"]+)"/gu)) expect(ids).toContain(target);
  for (const [, link = ""] of html.matchAll(/href="([^#"][^"]*)"/gu)) expect((await get(ownPath(link, "/docs"))).status, link).toBe(200);
});

test("what the document says is text, not markup", () => {
  const evil = "<script>alert(1)</script>\"'";
  const html = referenceHtml(
    {
      info: { title: evil, version: evil },
      paths: {},
      components: { schemas: { A: { type: "object", properties: { [evil]: { enum: [evil] } } } } },
    },
    { style: "/s", script: "/j", document: "/d" },
  );
  expect(html).not.toContain("<script>alert");
  expect(escaped(evil)).toBe("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;");
});

test("each operation tells which token it needs, and each field what the contract says of it", async () => {
  const html = await (await get("/docs")).text();
  const articleOf = (id: string): string => html.split("<article ").find((part) => part.startsWith(`id="${id}"`)) ?? expect.fail(id);
  for (const { id, permission, internal } of operationList) {
    const needed = internal ? "the internal token." : permission === null ? "no token." : `the permission <code>${permission}</code>.`;
    expect(articleOf(id)).toContain(`Needs ${needed}`);
  }
  expect(articleOf("schema-Submission")).toContain("<br>It expires unless it was started by then.");
  expect(articleOf("jobs.list")).toContain("<br>Only its children.");
  expect(articleOf("jobs.events")).toContain("<br>The <code>seq</code> of the last event of an earlier answer.");
});

test("fields within fields are shown, with what is allowed", () => {
  const html = schemaHtml({
    type: "object",
    required: ["a"],
    properties: {
      a: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
      b: { type: "array", items: { type: "object", properties: { c: { anyOf: [{ type: "string" }, { type: "null" }], default: null } } } },
    },
  });
  expect(html).toContain('whole number <span class="faint">(at least 1)</span>');
  expect(html).toContain("text or null");
  expect(html).toContain("default <code>null</code>");
});
