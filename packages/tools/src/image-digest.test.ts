import { expect, test } from "vitest";
import { mayHaveLogin } from "./image-digest.ts";

test.each([
  ["https://auth.example.org/token", "https://registry.example.org/", true],
  ["http://localhost:5000/token", "http://localhost:5000/", true],
  ["http://registry.example.org/token", "https://registry.example.org/", false],
  ["http://registry.example.org:5000/token", "https://registry.example.org:5000/", false],
  ["http://localhost:5001/token", "http://localhost:5000/", false],
])("whether %s is given the login of %s: %s", (place, registry, may) => {
  expect(mayHaveLogin(new URL(place), new URL(registry))).toBe(may);
});
