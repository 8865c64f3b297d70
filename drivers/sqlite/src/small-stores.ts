/** Sessions with their leads, definitions and places on SQLite. */
import { demandRevision, type DefinitionName, type DisabledDefinition, type Expected } from "@windlass/kernel";
import type { Definition, DefinitionStore, ServedPlace, Session } from "@windlass/ports";
import {
  definitionsTable,
  disabledStatements,
  disabledTable,
  LEAD_AHEAD_MS_MAX,
  nameValues,
  nextVersion,
  placesTable,
  sessionsTable,
} from "@windlass/sql";
import { demandWorkspace } from "./access.ts";
import type { Database } from "./database.ts";

export function openSession(db: Database, session: Session): void {
  db.run(`INSERT OR REPLACE INTO sessions (${sessionsTable.list()}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, sessionsTable.encode(session));
}

export function beat(db: Database, ids: readonly string[], expiresAt: number): string[] {
  return ids.filter((id) => db.run("UPDATE sessions SET expires_at = ? WHERE id = ?", [expiresAt, id]) === 1);
}

export function listSessions(db: Database): Session[] {
  return db.all(`SELECT ${sessionsTable.list()} FROM sessions ORDER BY id`).map((row) => sessionsTable.decode(row));
}

export function closeSession(db: Database, id: string): void {
  db.run("DELETE FROM sessions WHERE id = ?", [id]);
  db.run("DELETE FROM leads WHERE session = ?", [id]);
  db.waiting.closed(id);
}

export function lead(
  db: Database,
  claim: { readonly chore: string; readonly session: string; readonly now: number; readonly expiresAt: number },
): boolean {
  const sql = `INSERT INTO leads (chore, session, expires_at) VALUES (?, ?, ?)
    ON CONFLICT (chore) DO UPDATE SET session = excluded.session, expires_at = excluded.expires_at WHERE leads.session = excluded.session OR leads.expires_at <= ? OR leads.expires_at > excluded.expires_at + ${LEAD_AHEAD_MS_MAX}`;
  return db.run(sql, [claim.chore, claim.session, claim.expiresAt, claim.now]) === 1;
}

const DEFINITIONS = `SELECT ${definitionsTable.list()} FROM definitions`;

export function putDefinition(
  db: Database,
  given: Omit<Definition, "version">,
  expected: Expected,
): Awaited<ReturnType<DefinitionStore["put"]>> {
  demandWorkspace(db, given.workspace);
  const next = nextVersion(getDefinition(db, given), given, expected);
  if (next.created)
    db.run(
      `INSERT INTO definitions (${definitionsTable.list()}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      definitionsTable.encode(next.definition),
    );
  return next;
}

export function removeDefinition(db: Database, { workspace, type, name }: DefinitionName, expected: Expected): number {
  const newest = getDefinition(db, { workspace, type, name });
  demandRevision(`${type} ${name}`, { revision: newest?.version ?? 0, expected });
  db.run(DISABLED.remove, nameValues({ workspace, type, name }));
  return db.run("DELETE FROM definitions WHERE workspace = ? AND type = ? AND name = ?", [workspace, type, name]);
}

const DISABLED = disabledStatements(() => "?");

export function disableDefinition(db: Database, mark: DisabledDefinition): DisabledDefinition | null {
  if (getDefinition(db, { workspace: mark.workspace, type: mark.type, name: mark.name }) === null) return null;
  db.run(DISABLED.add, disabledTable.encode(mark));
  return disabledDefinitions(db, [mark])[0] ?? null;
}

export function enableDefinition(db: Database, key: DefinitionName): boolean {
  return db.run(DISABLED.remove, nameValues(key)) === 1;
}

export function disabledDefinitions(db: Database, keys: readonly DefinitionName[]): DisabledDefinition[] {
  return keys.flatMap((key) => db.all(DISABLED.get, nameValues(key)).map((row) => disabledTable.decode(row)));
}

export function definitionVersions(
  db: Database,
  { workspace, type, name }: DefinitionName,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Definition[] {
  const sql = `${DEFINITIONS} WHERE workspace = ? AND type = ? AND name = ? AND (? IS NULL OR version < ?) ORDER BY version DESC LIMIT ?`;
  return db.all(sql, [workspace, type, name, before, before, limit]).map((row) => definitionsTable.decode(row));
}

export function getDefinition(db: Database, key: Parameters<DefinitionStore["get"]>[0]): Definition | null {
  const version = key.version ?? null;
  const sql = `${DEFINITIONS} WHERE workspace = ? AND type = ? AND name = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1`;
  const row = db.get(sql, [key.workspace, key.type, key.name, version, version]);
  return row === undefined ? null : definitionsTable.decode(row);
}

export function definitionById(db: Database, id: string): Definition | null {
  const row = db.get(`${DEFINITIONS} WHERE id = ?`, [id]);
  return row === undefined ? null : definitionsTable.decode(row);
}

export function listDefinitions(db: Database, workspace: string, type: string): Definition[] {
  const sql = `${DEFINITIONS} d WHERE workspace = ? AND type = ?
    AND version = (SELECT max(n.version) FROM definitions n WHERE n.workspace = d.workspace AND n.type = d.type AND n.name = d.name) ORDER BY name`;
  return db.all(sql, [workspace, type]).map((row) => definitionsTable.decode(row));
}

export function putPlace(db: Database, place: ServedPlace): void {
  db.run(`INSERT OR REPLACE INTO places (${placesTable.list()}) VALUES (?, ?, ?, ?, ?)`, placesTable.encode(place));
}

export function listPlaces(db: Database): ServedPlace[] {
  return db.all(`SELECT ${placesTable.list()} FROM places ORDER BY seen_at DESC, place`).map((row) => placesTable.decode(row));
}
