/** The version of this program; all packages of the repository have the same one. A test compares it with package.json. */
export const VERSION = "0.1.0";
