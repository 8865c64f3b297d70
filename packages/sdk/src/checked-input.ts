/** Handlers whose input is checked before they are called, by a schema of any library that keeps the Standard Schema. */
import { invalidInput, type Handler, type Json } from "@windlass/kernel";

/** What is used of https://standardschema.dev (version 1): zod, valibot, arktype and others have it. */
export interface StandardSchema<Output> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => Checked<Output> | Promise<Checked<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

type Checked<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

/** Faults that a message names; more help nobody. */
const FAULTS_MAX = 10;

/**
 * The handler, called with what the schema made of the input. An input that it refuses ends the job as `failed_config`: it
 * could never have worked, so it is not tried again.
 */
export function withInput<Input extends Json, Output extends Json | void>(
  schema: StandardSchema<Input>,
  handler: Handler<Input, Output>,
): Handler<Json, Output> {
  return async (context) => {
    const checked = await schema["~standard"].validate(context.input);
    if (checked.issues === undefined) return handler({ ...context, input: checked.value });
    const faults = checked.issues.slice(0, FAULTS_MAX).map(({ message, path = [] }) => {
      const keys = path.map((part) => (typeof part === "object" ? part.key : part));
      return `${["input", ...keys.map(String)].join(".")}: ${message}`;
    });
    return invalidInput(faults.join("; "));
  };
}
