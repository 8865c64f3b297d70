/**
 * A small registry of images for tests (https://github.com/opencontainers/distribution-spec): it gives manifests and blobs that the
 * test put in, over HTTP on the loopback, to everybody or for a login, and as slowly as the test wants.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as rest } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { makeBusyboxTar } from "./busybox-root.ts";
import { findPrograms } from "./container-server.ts";

export interface RegistryLogin {
  readonly username: string;
  readonly password: string;
}

export interface RegistryOptions {
  /** Null: everybody is answered. `bearer` sends whoever asks to a place for tokens first, as the large registries do. */
  readonly authentication?: "basic" | "bearer" | null;
  /** Left out with `bearer`: everybody gets a token. */
  readonly login?: RegistryLogin;
}

export interface TestRegistry {
  /** HOST:PORT; also after it was closed, when nothing answers there. */
  readonly host: string;
  /** What was asked, as `GET /v2/…`, in order. */
  readonly requests: readonly string[];
  /** True: blobs go out piece by piece, until it is false again. */
  isSlow: boolean;
  /** Puts in an image with busybox and `/init` whose config says `mark`, and gives its digest; a tag that is there moves. */
  addImage(repository: string, tag: string, mark?: string): Promise<string>;
  close(): Promise<void>;
}

interface Blob {
  readonly type: string;
  readonly bytes: Buffer;
}

const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";
const LAYER = "application/vnd.oci.image.layer.v1.tar+gzip";
const TOKEN = "a-token-of-the-test";
const SLOW_PIECE_BYTES = 16_384;
const SLOW_MS = 100;

export async function testRegistry({ authentication = null, login }: RegistryOptions = {}): Promise<TestRegistry> {
  /** By `repository@digest` and `repository:tag`. */
  const manifests = new Map<string, Blob>();
  const blobs = new Map<string, Blob>();
  const requests: string[] = [];
  const basic = login === undefined ? null : `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
  let [isSlow, isOpen] = [false, true];
  let layer: { readonly tar: Buffer; readonly gzipped: Buffer } | null = null;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url ?? "/", `http://${host}`);
    requests.push(`${request.method} ${pathname}`);
    const given = request.headers.authorization ?? null;
    if (pathname === "/token")
      return basic === null || given === basic ? json(response, 200, { token: TOKEN }) : refuse(response, 401, "UNAUTHORIZED");
    if (authentication !== null && given !== (authentication === "basic" ? basic : `Bearer ${TOKEN}`)) {
      const realm = authentication === "basic" ? 'Basic realm="test"' : `Bearer realm="http://${host}/token",service="test"`;
      return refuse(response.setHeader("www-authenticate", realm), 401, "UNAUTHORIZED");
    }
    if (pathname === "/v2/") return json(response, 200, {});
    const [, repository = "", sort, reference = ""] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/u.exec(pathname) ?? [];
    const key = reference.startsWith("sha256:") ? `${repository}@${reference}` : `${repository}:${reference}`;
    const found = sort === "manifests" ? manifests.get(key) : blobs.get(reference);
    if (found === undefined) return refuse(response, 404, sort === "manifests" ? "MANIFEST_UNKNOWN" : "BLOB_UNKNOWN");
    const { type, bytes } = found;
    response.writeHead(200, { "content-type": type, "content-length": bytes.length, "docker-content-digest": digestOf(bytes) });
    if (request.method === "HEAD") return void response.end();
    let sent = 0;
    for (; isSlow && isOpen && type === LAYER && sent < bytes.length; sent += SLOW_PIECE_BYTES) {
      response.write(bytes.subarray(sent, sent + SLOW_PIECE_BYTES));
      await rest(SLOW_MS);
    }
    response.end(bytes.subarray(sent));
  };
  const server = createServer((request, response) => void answer(request, response));
  const host = await listen(server);

  return {
    host,
    requests,
    get isSlow() {
      return isSlow;
    },
    set isSlow(slow) {
      isSlow = slow;
    },
    async addImage(repository, tag, mark = "") {
      layer ??= await busyboxLayer();
      const config = {
        architecture: process.arch === "x64" ? "amd64" : process.arch,
        os: "linux",
        config: { Env: ["PATH=/bin", `MARK=${mark}`] },
        rootfs: { type: "layers", diff_ids: [digestOf(layer.tar)] },
        history: [{ created: "2026-01-01T00:00:00Z" }],
      };
      const add = (type: string, bytes: Buffer): object => {
        blobs.set(digestOf(bytes), { type, bytes });
        return { mediaType: type, digest: digestOf(bytes), size: bytes.length };
      };
      const parts = { config: add(CONFIG, Buffer.from(JSON.stringify(config))), layers: [add(LAYER, layer.gzipped)] };
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, ...parts }));
      for (const key of [`${repository}:${tag}`, `${repository}@${digestOf(bytes)}`]) manifests.set(key, { type: MANIFEST, bytes });
      return digestOf(bytes);
    },
    async close() {
      isOpen = false;
      server.closeAllConnections();
      if (server.listening) await new Promise((resolve) => void server.close(resolve));
    },
  };
}

async function busyboxLayer(): Promise<{ readonly tar: Buffer; readonly gzipped: Buffer }> {
  const found = findPrograms(["busybox"], process.env);
  if (found === null) throw new Error("busybox (static) must be in PATH");
  const folder = mkdtempSync(join(tmpdir(), "windlass-registry-"));
  try {
    const tar = readFileSync(await makeBusyboxTar(folder, found.busybox));
    return { tar, gzipped: gzipSync(tar) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function listen(server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, code: string): void {
  json(response, status, { errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] });
}
