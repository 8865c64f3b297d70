/**
 * Which folders the program `windlass` needs where it runs: its own packages and the libraries they depend on, as the lock
 * file has them. Libraries of development are not among them. Pure.
 */
export interface LockedPackage {
  /** Where a link leads: packages of the repository are linked from node_modules. */
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Of package-lock.json: `packages`, by folder. */
export type Locked = Readonly<Record<string, LockedPackage>>;

/** Declarations alone: nothing of them is ever loaded. */
const TYPES_ONLY = /^@types\//u;

/** Folders of the repository and of node_modules, and the links between them, from these packages on. Throws for one that the lock lacks. */
export function foldersOfProgram(locked: Locked, programs: readonly string[]): readonly string[] {
  const found = new Set<string>();
  const open = [...programs];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    if (found.has(folder)) continue;
    found.add(folder);
    const one = locked[folder];
    if (one === undefined) throw new Error(`package-lock.json has no ${folder}`);
    if (one.link === true) open.push(one.resolved ?? "");
    else open.push(...neededBy(locked, folder, one));
  }
  return [...found].toSorted();
}

function neededBy(locked: Locked, folder: string, { dependencies = {}, optionalDependencies = {}, peerDependencies = {} }: LockedPackage) {
  const needed = Object.keys(dependencies).filter((name) => !TYPES_ONLY.test(name));
  const welcome = [...Object.keys(optionalDependencies), ...Object.keys(peerDependencies)];
  return [...needed.map((name) => found(name)), ...welcome.filter((name) => placeOf(locked, folder, name) !== null).map(found)];

  function found(name: string): string {
    const place = placeOf(locked, folder, name);
    if (place === null) throw new Error(`package-lock.json has no ${name}, which ${folder} needs`);
    return place;
  }
}

/** As Node looks for it: in the folder's own node_modules, then in those above. */
function placeOf(locked: Locked, folder: string, name: string): string | null {
  for (let above = folder; ; above = parentOf(above)) {
    const place = above === "" ? `node_modules/${name}` : `${above}/node_modules/${name}`;
    if (Object.hasOwn(locked, place)) return place;
    if (above === "") return null;
  }
}

function parentOf(folder: string): string {
  return folder.includes("/") ? folder.slice(0, folder.lastIndexOf("/")) : "";
}
