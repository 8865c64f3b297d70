/** Who carries jobs out: the sessions that are open now. */
import { EXECUTORS, liveStates } from "@windlass/kernel";
import * as z from "zod";
import { idParams, namePage, nextCursor, time } from "./json-schema.ts";
import { operation } from "./operation.ts";

export const workerJson = z
  .object({
    /** Of its session: another one each time it connects. */
    id: z.string(),
    role: z.enum(["worker", "launcher", "server"]),
    /** Where its processes live, for launchers. Null: it is none, or it serves workspaces that the token of the call is not for. */
    place: z.string().nullable(),
    /** `queue` is null: all queues. */
    serves: z.array(z.object({ executor: z.enum(EXECUTORS), queue: z.string().nullable(), handlers: z.array(z.string()).optional() })),
    /**
     * The host that its program runs on, and its process, as it says itself. Null: it says nothing, or it serves workspaces
     * that the token of the call is not for.
     */
    host: z.string().nullable(),
    /**
     * Name of the token with which it is connected. Null: it is part of a server, it is the runner of one execution (their
     * tokens have no names), or the caller may not see that token (`tokens:read`, and a token within his workspaces).
     */
    token: z.string().nullable(),
    since: time,
    /** It is lost unless it reports before. */
    expiresAt: time,
    /** Attempts that it holds now; counted up to 1,000. */
    running: z.int(),
  })
  .meta({ id: "Worker" });

export const workerDetailJson = workerJson
  .extend({
    /** What it holds now; the first hundred. */
    jobs: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        state: z.enum(liveStates),
        attempt: z.int(),
        queue: z.string(),
        startedAt: time.nullable(),
      }),
    ),
  })
  .meta({ id: "WorkerDetail" });

export type WorkerJson = z.output<typeof workerJson>;
export type WorkerDetailJson = z.output<typeof workerDetailJson>;

export const workerOperations = {
  list: operation("workers.list", {
    summary: "List who carries jobs out: open sessions of workers, launchers and servers",
    permission: "workers:read",
    query: z.strictObject(namePage),
    result: z.object({ items: z.array(workerJson), nextCursor }),
  }),
  get: operation("workers.get", {
    summary: "Show one of them, with the jobs that it holds now",
    permission: "workers:read",
    params: idParams,
    result: workerDetailJson,
    errors: ["not_found"],
  }),
} as const;
