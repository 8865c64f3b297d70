/** The parts of an image's name, by the reference grammar of distribution; and rules on names. Pure. */

export interface ImageName {
  /** HOST or HOST:PORT; `docker.io` when left out. */
  readonly registry: string;
  /** Below the registry, as it is asked there: `library/alpine`. */
  readonly repository: string;
  readonly tag: string;
  /** `sha256:…`; null: named by its tag alone. */
  readonly digest: string | null;
}

const REGISTRY = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::\d{1,5})?$/iu;
const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const NAME = new RegExp(`^(${PART}(?:/${PART})*)(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`, "u");

/** Null when it is the name of no image. */
export function readImageName(image: string): ImageName | null {
  const [first = "", ...rest] = image.split("/");
  const hasRegistry = rest.length > 0 && (/[.:]/u.test(first) || first === "localhost");
  const registry = hasRegistry ? first : "docker.io";
  const [, path, tag = "latest", digest = null] = NAME.exec(hasRegistry ? rest.join("/") : image) ?? [];
  if (path === undefined || !REGISTRY.test(registry)) return null;
  return { registry, repository: registry === "docker.io" && !path.includes("/") ? `library/${path}` : path, tag, digest };
}

/** The same image, whatever its tag comes to mean. */
export function withDigest({ registry, repository }: ImageName, digest: string): string {
  return `${registry}/${repository}@${digest}`;
}

/** One of the patterns of `images.allow`. */
export type ImagePattern = RegExp;

/** A pattern is a whole name with its registry, where `*` stands for any characters; one without a tag has all tags and digests. */
export function readImagePattern(text: string): ImagePattern {
  return new RegExp(`^${text.split("*").map(quoted).join(".*")}$`, "u");
}

/** Whether one of the patterns has this image. */
export function isAllowedImage({ registry, repository, tag, digest }: ImageName, patterns: readonly ImagePattern[]): boolean {
  const name = `${registry}/${repository}`;
  const names = [name, ...(digest === null ? [`${name}:${tag}`] : [`${name}@${digest}`])];
  return patterns.some((pattern) => names.some((one) => pattern.test(one)));
}

/** A hyphen means something only within a class; escaped outside of one it is an error. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
}
