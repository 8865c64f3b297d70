/** A program of its own: answers each request with its own body, by `node:http`, once the disk has a page for it. Tells its parent the port. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { flushedPages } from "./flushed-pages.ts";

const [folder = ""] = process.argv.slice(2);
const pages = flushedPages(folder);
const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => void pieces.push(piece));
  request.once("end", () => {
    const body = Buffer.concat(pieces);
    pages.write();
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  });
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
