/** Tools that a server carries out itself, in-band. */
export { addressRules, type AddressRules } from "./address-rules.ts";
export { httpTool, type HttpToolOptions } from "./http-tool.ts";
export { NotCalled, sendRequest } from "./send-request.ts";
export type { RegistryLogin } from "./image-digest.ts";
export { imageGate, type ImageRules } from "./image-gate.ts";
