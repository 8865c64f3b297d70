/** A line between servers and PostgreSQL that can be cut at the worst moment: after a COMMIT has arrived, before its answer has, or before it has. */
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";

export interface CommitThief {
  /** The same database, over this line. */
  readonly url: string;
  /**
   * Cuts the next so many connections, each when it has sent a COMMIT, or whatever has this text, and the answer comes; `unsent`: it does not
   * arrive either; `late`: it arrives when that resolves, long after its sender has lost the connection.
   */
  steal(count: number, options?: Stolen): void;
  /** Answers that were still to be taken. */
  readonly left: number;
  close(): Promise<void>;
}

export interface Stolen {
  readonly text?: string;
  readonly unsent?: boolean;
  readonly late?: Promise<void>;
}

/** As messages say it, and answers: what begins a transaction has the letters, too. */
const COMMIT = "COMMIT\0";

/** `url`: of a PostgreSQL of the testkit, which listens in a folder. */
export async function commitThief(url: string): Promise<CommitThief> {
  const direct = new URL(url.replace("@/", "@local/"));
  const folder = direct.searchParams.get("host") ?? "";
  const sockets = new Set<Socket>();
  let left = 0;
  let wanted: Stolen = {};
  const server = createServer((from) => {
    const to = connect(join(folder, ".s.PGSQL.5432"));
    let [committing, isLate] = [false, false];
    const end = (): void => {
      for (const socket of isLate ? [from] : [from, to]) {
        socket.destroy();
        sockets.delete(socket);
      }
    };
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    from.on("data", (data) => {
      committing ||= left > 0 && data.includes(wanted.text ?? COMMIT);
      const { late, unsent = late !== undefined } = wanted;
      if (!committing || !unsent) return void to.write(data);
      left--;
      isLate = late !== undefined;
      void late?.then(() => to.end(data));
      end();
    });
    to.on("data", (data) => {
      if (isLate) return;
      // Those to what was sent with it may come by themselves: a server that cannot send them gives up, and stores nothing.
      const isAnswer = wanted.text !== undefined || data.includes(COMMIT);
      if (!committing || left === 0 || !isAnswer) return void from.write(data);
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
    steal(count, options = {}) {
      [left, wanted] = [count, options];
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
