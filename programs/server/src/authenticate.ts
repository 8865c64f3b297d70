/** Who asks, and whether they may. There is one role so far, the admin's; permissions are asked for by name all the same. */
import { createHash, timingSafeEqual } from "node:crypto";
import { WindlassError } from "@windlass/kernel";

export interface Principal {
  readonly name: string;
  may(permission: string): boolean;
}

export type Authenticate = (authorization: string | undefined) => Principal;

const ADMIN: Principal = { name: "admin", may: () => true };

/** Compares hashes in constant time: neither the length nor the beginning of the token can be found out by the clock. */
export function authenticator(adminToken: string): Authenticate {
  if (adminToken.length < 16) throw new WindlassError("internal", "the admin token is too short");
  const expected = sha256(adminToken);
  return (authorization) => {
    if (authorization === undefined)
      throw new WindlassError(
        "unauthorized",
        "this needs a token: send the header Authorization: Bearer <token>, or give the CLI --token or WINDLASS_TOKEN",
      );
    const token = /^Bearer +([^ ]+) *$/iu.exec(authorization)?.[1];
    if (token === undefined) throw new WindlassError("unauthorized", "the header Authorization must be: Bearer <token>");
    if (!timingSafeEqual(sha256(token), expected)) throw new WindlassError("unauthorized", "the token is not known to this server");
    return ADMIN;
  };
}

export function demand(principal: Principal, permission: string): void {
  if (!principal.may(permission)) throw new WindlassError("forbidden", `${principal.name} lacks the permission ${permission}`);
}

function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
