import { expect, test } from "vitest";
import { splitImage } from "./container-engine.ts";
import { pullFailure } from "./pull-image.ts";
import { pullLine, pullProgress } from "./pull-progress.ts";
import { registryOf } from "./registry-auth.ts";

test.each([
  ["manifest for alpine:nope not found: manifest unknown: manifest unknown", "image_not_found"],
  ["pull access denied for team/tool, repository does not exist or may require 'docker login'", "image_unauthorized"],
  ["unauthorized: authentication required", "image_unauthorized"],
  ["dial tcp 127.0.0.1:5999: connect: connection refused", "registry_unreachable"],
  ["lookup registry.example on 1.1.1.1:53: no such host", "registry_unreachable"],
  ["http: server gave HTTP response to HTTPS client", "registry_unreachable"],
  ["invalid reference format: repository name must be lowercase", "image_name_invalid"],
  ["no space left on device", "image_pull_failed"],
])("%s is %s, and is told as it was said", (said, reason) => {
  expect(pullFailure("x:1", said)).toEqual({
    outcome: "failed_image_pull",
    reason,
    message: `the image x:1 could not be pulled: ${said}`,
  });
});

test.each([
  ["alpine", { name: "alpine", tag: "latest" }, "docker.io"],
  ["alpine:3", { name: "alpine", tag: "3" }, "docker.io"],
  ["localhost:5000/a/b", { name: "localhost:5000/a/b", tag: "latest" }, "localhost:5000"],
  ["ghcr.io/a/b:v1@sha256:00", { name: "ghcr.io/a/b", tag: "sha256:00" }, "ghcr.io"],
  ["team/tool:1", { name: "team/tool", tag: "1" }, "docker.io"],
])("%s is %j of %s", (image, parts, registry) => {
  expect(splitImage(image)).toEqual(parts);
  expect(registryOf(image)).toBe(registry);
});

test("progress counts the layers that tell their size; what is no JSON says nothing", () => {
  const progress = pullProgress("x:1");
  expect(progress.read()).toEqual({ fraction: null, text: "pulling the image x:1" });
  for (const line of [
    '{"status":"Downloading","id":"a","progressDetail":{"current":512,"total":1024}}',
    '{"status":"Downloading","id":"b","progressDetail":{"current":512,"total":1024}}',
    '{"status":"Downloading","id":"b","progressDetail":{"current":1024,"total":1024}}',
    "torn {",
  ])
    progress.add(pullLine(line));
  expect(progress.read().text).toBe("pulling the image x:1: 1.5Ki of 2Ki");
  expect(pullLine('{"errorDetail":{"message":"no"},"error":"no"}')).toEqual({ error: "no" });
});
