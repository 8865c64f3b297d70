import { expect, test } from "vitest";
import { digestQuestions, QUESTIONS_AT_ONCE_MAX } from "./digest-questions.ts";
import { readImageName, type ImageName } from "./image-name.ts";

const named = (image: string) => readImageName(image) as ImageName;

function registry() {
  const asked: { readonly name: string; readonly answer: (digest: string) => void; readonly fail: (error: Error) => void }[] = [];
  const limits: (() => void)[] = [];
  const ask = (name: ImageName) =>
    new Promise<string>((answer, fail) => void asked.push({ name: `${name.repository}:${name.tag}`, answer, fail }));
  const question = digestQuestions(ask, { after: (_, run) => (limits.push(run), () => {}) });
  return { asked, limits, question };
}
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test("one name is asked for once by all who ask meanwhile, and again afterwards", async () => {
  const { asked, question } = registry();
  const both = Promise.all([question(named("alpine:3")), question(named("docker.io/library/alpine:3"))]);
  await settled();
  expect(asked).toHaveLength(1);
  asked[0]?.answer("d");
  expect(await both).toEqual(["d", "d"]);
  void question(named("alpine:3"));
  await settled();
  expect(asked).toHaveLength(2);
});

test("no more are asked at once than may be, and a failure gives its turn on", async () => {
  const { asked, question } = registry();
  const all = Array.from({ length: QUESTIONS_AT_ONCE_MAX + 2 }, (_, index) => question(named(`tool:${index}`)));
  await settled();
  expect(asked).toHaveLength(QUESTIONS_AT_ONCE_MAX);
  asked[0]?.fail(new Error("gone"));
  await expect(all[0]).rejects.toThrow("gone");
  await settled();
  expect(asked).toHaveLength(QUESTIONS_AT_ONCE_MAX + 1);
  asked[1]?.answer("d");
  await settled();
  expect(asked.at(-1)?.name).toBe(`library/tool:${QUESTIONS_AT_ONCE_MAX + 1}`);
});

test("who waits for a turn too long leaves, and its turn goes to the next", async () => {
  const { asked, limits, question } = registry();
  const all = Array.from({ length: QUESTIONS_AT_ONCE_MAX + 2 }, (_, index) => question(named(`tool:${index}`)));
  await settled();
  limits[QUESTIONS_AT_ONCE_MAX]?.();
  await expect(all[QUESTIONS_AT_ONCE_MAX]).rejects.toThrow("no answer within 5 s");
  asked[0]?.answer("d");
  await settled();
  expect(asked.at(-1)?.name).toBe(`library/tool:${QUESTIONS_AT_ONCE_MAX + 1}`);
});
