/** The settings that a server works with. They are read once, at its start; changing them takes another start. */
import * as z from "zod";
import { namePage, nextCursor } from "./json-schema.ts";
import { operation } from "./operation.ts";

export const settingJson = z
  .object({
    name: z.string(),
    /** What holds now. Of a secret `***`, or empty where there is none; passwords within addresses are `***`, too. */
    value: z.union([z.string(), z.number(), z.boolean()]),
    source: z.enum(["default", "environment", "command line"]),
    /** The environment variable that sets it. */
    variable: z.string(),
    doc: z.string(),
  })
  .meta({ id: "Setting" });

export type SettingJson = z.output<typeof settingJson>;

export const settingOperations = {
  list: operation("settings.list", {
    summary: "List the settings that this server works with by name, and where each comes from; secrets are left out",
    permission: "settings:read",
    reach: "server",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(settingJson), nextCursor }),
  }),
} as const;
