/** The environment of this process: the only place that reads it. Everything else is handed what it needs. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const processEnvironment = (): Environment => process.env;
