import { expect, test } from "vitest";
import { givenSecret, givenStep } from "./given-step.ts";

test.each(["constructor", "toString", "__proto__", "key"])("the secret %s is the one that was given under this name", (alias) => {
  const step = givenStep(JSON.parse(`{"spec": {}, "secrets": {"${alias}": "s3cret"}}`));
  expect(givenSecret(step, alias)).toBe("s3cret");
});

test.each(["constructor", "toString", "__proto__", "key"])("the secret %s is none when it was not given", (alias) => {
  const step = givenStep({ spec: {}, secrets: { other: "s3cret" } });
  expect(() => givenSecret(step, alias)).toThrow(`the secret "${alias}" was not given`);
});
