/** The admin token of a server: the one that the settings give, for all servers of a store, else that of its data folder. */
import { environmentVariableOf, WindlassError } from "@windlass/kernel";
import { writeToken } from "./data-folder.ts";

export interface AdminTokenWanted {
  /** Whose lock is held: commands read the token there. */
  readonly folder: string;
  /** What lies in it. */
  readonly kept: string;
  /** `server.adminToken`. */
  readonly given: string;
}

/** As for the internal token: shorter ones could be found out by trying. */
const LENGTH_MIN = 16;

/** Throws `invalid`. */
export function adminTokenOf({ folder, kept, given }: AdminTokenWanted): string {
  if (given === "" || given === kept) return kept;
  const variable = environmentVariableOf("server.adminToken");
  const fault =
    given.length < LENGTH_MIN
      ? `it has ${given.length} characters; it must have at least ${LENGTH_MIN}`
      : /\s/u.test(given)
        ? "it has white space in it, which no header can carry"
        : null;
  if (fault !== null)
    throw new WindlassError("invalid", `the admin token cannot be used: ${fault}`, { faults: [{ path: variable, message: fault }] });
  writeToken(folder, given);
  return given;
}
