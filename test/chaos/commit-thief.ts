/** A line between servers and PostgreSQL that can be cut at the worst moment: after a COMMIT has arrived, before its answer has. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";

export interface CommitThief {
  /** The same database, over this line. */
  readonly url: string;
  /** Cuts the next so many connections, each when it has sent a COMMIT and the answer comes. */
  steal(count: number): void;
  /** Answers to COMMIT that were still to be taken. */
  readonly left: number;
  close(): Promise<void>;
}

/** `url`: of a PostgreSQL of the testkit, which listens in a folder. */
export async function commitThief(url: string): Promise<CommitThief> {
  const direct = new URL(url.replace("@/", "@local/"));
  const folder = direct.searchParams.get("host") ?? "";
  const sockets = new Set<Socket>();
  let left = 0;
  const server = createServer((from) => {
    const to = connect(join(folder, ".s.PGSQL.5432"));
    let committing = false;
    const end = (): void => {
      for (const socket of [from, to]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    from.on("data", (data) => {
      committing ||= left > 0 && data.includes("COMMIT");
      to.write(data);
    });
    to.on("data", (data) => {
      if (!committing || left === 0) return void from.write(data);
      left--;
      end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const own = new URL(url.replace("@/", "@127.0.0.1/"));
  own.port = String((server.address() as AddressInfo).port);
  own.searchParams.delete("host");
  return {
    url: own.href,
    steal(count) {
      left = count;
    },
    get left() {
      return left;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
