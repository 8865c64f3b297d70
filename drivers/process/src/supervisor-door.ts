/** The supervisor's side of the socket: reads questions, answers them, and tells facts to all who said hello. */
import type { Socket } from "node:net";
import { isWindlassError, messageOf } from "@windlass/kernel";
import type { EndedFact } from "@windlass/ports";
import type { AttemptTable } from "./attempt-table.ts";
import { encodeLine, lineSplitter, PROTOCOL_VERSION } from "./protocol.ts";
import type { Message, Question } from "./protocol.ts";

export interface SupervisorDoor {
  readonly accept: (socket: Socket) => void;
  tell(fact: EndedFact): void;
  readonly clientCount: number;
}

export function supervisorDoor(table: AttemptTable, complain: (what: string, error: unknown) => void): SupervisorDoor {
  const clients = new Set<Socket>();
  const listeners = new Set<Socket>();

  const answer = async (socket: Socket, question: Question): Promise<unknown> => {
    switch (question.op) {
      case "hello":
        listeners.add(socket);
        for (const fact of table.endedFacts(0)) send(socket, { ended: fact });
        return { version: PROTOCOL_VERSION, pid: process.pid };
      case "tell":
        for (const fact of table.endedFacts(question.ask.olderThanMs)) send(socket, { ended: fact });
        return null;
      case "launch":
        return table.launch(question.ask);
      case "find":
        return table.find(question.ask.name);
      case "stop":
        await table.stop(question.ask.name, question.ask.graceMs, question.ask.stopFor);
        return null;
      case "list":
        return table.list();
      case "forget":
        await table.forget(question.ask.name);
        return null;
    }
  };
  const serve = async (socket: Socket, line: string): Promise<void> => {
    const question = JSON.parse(line) as Question;
    try {
      send(socket, { id: question.id, answer: await answer(socket, question) });
    } catch (error) {
      if (!isWindlassError(error)) complain(`${question.op} failed`, error);
      send(socket, { id: question.id, error: messageOf(error), code: isWindlassError(error) ? error.code : null });
    }
  };

  return {
    accept: (socket) => {
      clients.add(socket);
      socket.on(
        "data",
        lineSplitter((line) => void serve(socket, line).catch((error: unknown) => socket.destroy(error as Error))),
      );
      // A client that is gone has said nothing wrong; what it asked for is on disk.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        clients.delete(socket);
        listeners.delete(socket);
      });
    },
    tell: (fact) => {
      for (const socket of listeners) send(socket, { ended: fact });
    },
    get clientCount() {
      return clients.size;
    },
  };
}

/** What is said within one turn leaves in one piece. */
function send(socket: Socket, message: Message): void {
  if (socket.destroyed) return;
  if (socket.writableCorked === 0) {
    socket.cork();
    queueMicrotask(() => socket.uncork());
  }
  socket.write(encodeLine(message));
}
