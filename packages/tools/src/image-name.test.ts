import { expect, test } from "vitest";
import { isAllowedImage, nameToRun, readImageName, readImagePattern, withDigest, type ImageName } from "./image-name.ts";

const DIGEST = `sha256:${"0".repeat(64)}`;

test.each([
  ["alpine", "docker.io", "library/alpine", "latest", null],
  ["team/tool:1", "docker.io", "team/tool", "1", null],
  ["docker.io/library/alpine:3", "docker.io", "library/alpine", "3", null],
  ["localhost:5000/a/b", "localhost:5000", "a/b", "latest", null],
  [`ghcr.io/a/b:v1@${DIGEST}`, "ghcr.io", "a/b", "v1", DIGEST],
])("%s is of %s, %s, %s, %s", (image, ...parts) => {
  const { registry, repository, tag, digest } = readImageName(image) ?? {};
  expect([registry, repository, tag, digest]).toEqual(parts);
});

test.each(["", "UPPER/x", "a b", "x:", "x@sha256:00", "https://x/y"])("%j is the name of no image", (image) => {
  expect(readImageName(image)).toBeNull();
});

test.each([
  ["alpine:3", "docker.io/library/*", true],
  ["alpine:3", "docker.io/library/alpine", true],
  ["alpine:3", "docker.io/library/alpine:4", false],
  ["registry.example.org/team/tool:1", "registry.example.org/team/*", true],
  ["registry.example.org.evil.example/team/tool:1", "registry.example.org/team/*", false],
  ["registryXexample.org/team/tool:1", "registry.example.org/team/*", false],
  ["my-registry.example.org/team-a/tool:1", "my-registry.example.org/team-a/*", true],
  ["my-registry.example.org/team-b/tool:1", "my-registry.example.org/team-a/*", false],
  [`ghcr.io/a/b@${DIGEST}`, `ghcr.io/a/b@${DIGEST}`, true],
  ["evil.example/x.example.org/team/y:1", "*.example.org/team/*", false],
  ["eu.example.org/team/a/b:1", "*.example.org/team/*", true],
  ["ghcr.io/org/anything:x-base", "ghcr.io/org/*-base", false],
  ["ghcr.io/org/node-base:x", "ghcr.io/org/*-base", true],
  ["localhost:5000/a:1", "localhost:*/*", true],
  ["ghcr.io/a/b:1.2", "ghcr.io/a/*:1.*", true],
  ["ghcr.io/a/b:2.1.", "ghcr.io/a/*:1.*", false],
  // What runs is the digest: a tag in front of it says nothing.
  [`ghcr.io/a/b:good@${DIGEST}`, "ghcr.io/a/b:good", false],
])("%s by the rule %s: %s", (image, pattern, allowed) => {
  const name = readImageName(image);
  expect(
    name !== null &&
      isAllowedImage(
        name,
        ["nothing.example/*", pattern].flatMap((one) => readImagePattern(one) ?? []),
      ),
  ).toBe(allowed);
});

test.each(["alpine", "*", "docker.io/", "docker.io/Library/*", "https://docker.io/*", "docker.io/a b", "docker.io/a@sha512:*"])(
  "%j is no pattern of images",
  (pattern) => {
    expect(readImagePattern(pattern)).toBeNull();
  },
);

test("a name that is pinned keeps its tag, and is run without it", () => {
  const pinned = withDigest(readImageName("alpine:3") as ImageName, DIGEST);
  expect(pinned).toBe(`docker.io/library/alpine:3@${DIGEST}`);
  expect(nameToRun(readImageName(pinned) as ImageName)).toBe(`docker.io/library/alpine@${DIGEST}`);
  expect(nameToRun(readImageName("alpine") as ImageName)).toBe("docker.io/library/alpine:latest");
});
