/** Taking a back-up over the API: the server writes it to its own disk, and tells how far it is. */
import * as z from "zod";
import { time } from "./json-schema.ts";
import { operation } from "./operation.ts";
import { problemJson } from "./problem.ts";

export const backupJson = z
  .object({
    /** Of the layout of the back-up. */
    format: z.int(),
    /** The version that made it. */
    windlass: z.string(),
    createdAt: time,
    store: z.enum(["sqlite", "postgres"]),
    /** The number of the store's schema. */
    schema: z.int(),
    /** Rows of each table. */
    rows: z.record(z.string(), z.int()),
    /** Attempts that were under way. */
    underWay: z.int(),
    /** Of PostgreSQL: the schema of the database in which the tables lie. */
    searchPath: z.string().nullable(),
    files: z.int(),
    bytes: z.int(),
    /** SHA-256 of the file `checksums`. */
    checksums: z.string(),
  })
  .meta({ id: "Backup" });

/** How far a back-up or a restore is: with the store (0 to 1), or with the files. */
export const backupStepJson = z.discriminatedUnion("part", [
  z.object({ part: z.literal("store"), share: z.number() }),
  z.object({ part: z.literal("files"), files: z.int(), bytes: z.int() }),
]);

export const backupItemJson = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("step"), step: backupStepJson }),
    z.object({ type: z.literal("failed"), problem: problemJson }),
    /** `folder`: the place of the back-up on the server's disk. */
    z.object({ type: z.literal("end"), backup: backupJson, folder: z.string() }),
  ])
  .meta({ id: "BackupItem" });

export type BackupJson = z.output<typeof backupJson>;
export type BackupStep = z.output<typeof backupStepJson>;
export type BackupItemJson = z.output<typeof backupItemJson>;

export const backupOperations = {
  create: operation("backups.create", {
    summary: "Back up the store and the logs of the server into a folder of its disk below backup.folder, while it works",
    permission: "system:backup",
    reach: "server",
    /** A name below the server's folder for back-ups, or an absolute path in it. */
    body: z.strictObject({ folder: z.string().min(1).max(4_096) }),
    result: backupItemJson,
    errors: ["conflict", "tool_missing"],
  }),
} as const;
