import { expect, test } from "vitest";
import { addressOf } from "./address.ts";

test("the address that the console shows names the queue and its region", () => {
  const queueUrl = "https://sqs.eu-central-1.amazonaws.com/123456789012/windlass";
  const wanted = { queueUrl, name: "windlass", region: "eu-central-1", endpoint: null };
  expect(addressOf(queueUrl, "")).toEqual(wanted);
  expect(addressOf(queueUrl.replace("https", "sqs"), "")).toEqual(wanted);
  expect(addressOf(queueUrl, "http://127.0.0.1:4566").endpoint).toBe("http://127.0.0.1:4566");
});

test("an address elsewhere is an emulator's own", () => {
  expect(addressOf("http://127.0.0.1:4566/000000000000/q", "")).toMatchObject({
    name: "q",
    region: "us-east-1",
    endpoint: "http://127.0.0.1:4566",
  });
});

test.each(["", "windlass", "https://sqs.eu-central-1.amazonaws.com/", "https://x/1/a b", "nats://x:1/1/q"])("%j is no queue", (url) => {
  expect(() => addressOf(url, "")).toThrow(expect.objectContaining({ code: "invalid" }));
});

test("a FIFO queue is refused with what to make instead", () => {
  expect(() => addressOf("https://sqs.eu-central-1.amazonaws.com/1/q.fifo", "")).toThrow(/standard queue/u);
});
