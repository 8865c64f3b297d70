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

/** The whole name, as it is run: by its digest alone where it has one, since not every engine takes a tag beside it. */
export function nameToRun({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${digest === null ? `:${tag}` : `@${digest}`}`;
}

/** The same image, whatever its tag comes to mean; the tag stays, for the rules that are about it. */
export function withDigest({ registry, repository, tag }: ImageName, digest: string): string {
  return `${registry}/${repository}:${tag}@${digest}`;
}

/** One of the patterns of `images.allow`. */
export interface ImagePattern {
  readonly registry: RegExp;
  readonly repository: RegExp;
  /** Null: all tags. */
  readonly tag: RegExp | null;
  /** Null: all digests, where it has no tag either. */
  readonly digest: RegExp | null;
}

const HOST = String.raw`(?:localhost|[a-z0-9-]*[.*][a-z0-9.*-]*|\[[0-9a-f:*]+\])(?::[\d*]+)?|[a-z0-9-]+:[\d*]+`;
const PATTERN = new RegExp(
  String.raw`^(?<registry>${HOST})/(?<repository>[a-z0-9._/*-]+)(?::(?<tag>[\w.*-]+))?(?:@(?<digest>sha256:[0-9a-f*]+))?$`,
  "u",
);

/**
 * A pattern is a whole name with its registry. `*` stands for any characters of the part that it is in: the registry, the repository
 * (with its slashes), the tag, or the digest. One without a tag and a digest has all of them. Null when it could have no image.
 */
export function readImagePattern(text: string): ImagePattern | null {
  const { registry, repository, tag, digest } = PATTERN.exec(text)?.groups ?? {};
  if (registry === undefined || repository === undefined) return null;
  return {
    registry: wildcard(registry),
    repository: wildcard(repository),
    tag: tag === undefined ? null : wildcard(tag),
    digest: digest === undefined ? null : wildcard(digest),
  };
}

/** Whether one of the patterns has this image. */
export function isAllowedImage({ registry, repository, tag, digest }: ImageName, patterns: readonly ImagePattern[]): boolean {
  return patterns.some((pattern) => {
    if (!pattern.registry.test(registry) || !pattern.repository.test(repository)) return false;
    if (pattern.digest !== null && (digest === null || !pattern.digest.test(digest))) return false;
    // What runs is the digest: a tag in front of it says nothing.
    return pattern.tag === null || (digest === null && pattern.tag.test(tag));
  });
}

function wildcard(text: string): RegExp {
  return new RegExp(`^${text.split("*").map(quoted).join(".*")}$`, "u");
}

/** A hyphen means something only within a class; escaped outside of one it is an error. */
function quoted(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);
}
