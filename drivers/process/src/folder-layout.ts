/** Where the process executor keeps what, below a data folder. Nothing else knows these names. */
import { join } from "node:path";
import { WindlassError } from "@windlass/kernel";

/** A DNS label, as `externalNameOf` makes them: it cannot leave the folder, nor begin with a dot. */
const SAFE_NAME = /^[a-z0-9][a-z0-9-]{0,127}$/u;

export const processesFolder = (data: string): string => join(data, "processes");
export const supervisorFolder = (data: string): string => join(data, "supervisor");
export const socketPath = (data: string): string => join(supervisorFolder(data), "socket");
export const lockPath = (data: string): string => join(supervisorFolder(data), "lock");
export const pidPath = (data: string): string => join(supervisorFolder(data), "pid");
export const supervisorLogPath = (data: string): string => join(supervisorFolder(data), "log");
/** What Node made of the sources, so that it need not make it again. */
export const cacheFolder = (data: string): string => join(supervisorFolder(data), "cache");
export const pipesFolder = (data: string): string => join(supervisorFolder(data), "pipes");
export const placePath = (data: string): string => join(data, "place");

/** Throws `invalid` for what cannot be the name of an attempt. */
export function attemptFolder(data: string, name: string): string {
  if (!SAFE_NAME.test(name)) {
    throw new WindlassError(
      "invalid",
      `${JSON.stringify(name.slice(0, 80))} is not a name of an attempt: lower-case letters, digits and hyphens are allowed`,
    );
  }
  return join(processesFolder(data), name);
}
