export * from "./case.ts";
