import { expect, test } from "vitest";
import { settingList } from "./setting-list.ts";
import { settingsFrom } from "./settings.ts";

test("each setting says where it comes from, and an address keeps its password to itself", () => {
  const environment = {
    WINDLASS_SERVER_PORT: "5000",
    WINDLASS_STORE_URL: "postgres://me:hidden@db/x?sslpassword=hidden2",
    WINDLASS_SERVER_HOST: "",
  };
  const list = settingList(settingsFrom(environment, { "process.runningMax": 3 }), environment);
  const of = (name: string) => list.find((setting) => setting.name === name);
  expect(of("server.port")).toMatchObject({ value: 5000, source: "environment", variable: "WINDLASS_SERVER_PORT" });
  expect(of("process.runningMax")).toMatchObject({ value: 3, source: "command line" });
  expect(of("server.host")).toMatchObject({ value: "127.0.0.1", source: "default" });
  expect(of("store.url")?.value).toBe("postgres://me:***@db/x?sslpassword=***");
  expect(JSON.stringify(list)).not.toContain("hidden");
});
