/** What stands in for a broker in tests keeps the same contract as one, on real time. */
import { memoryNotices, noticesMemory } from "./memory-notices.ts";
import { noticesContract } from "./notices-contract.ts";
import { realClock as clock } from "./real-clock.ts";

noticesContract("memory", async () => {
  const memory = noticesMemory();
  return {
    connect: async (options) => memoryNotices(memory, { clock, ...options }),
    restart: async () => {},
    close: async () => {},
  };
});
