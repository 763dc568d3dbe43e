import { ClusterError } from "../errors.ts";
import { explainTopics } from "./explanation.ts";
import type { NodeExtension, NodeExtensionFactory } from "./node_extension.ts";

/**
 * Creates the extensions of a node and sorts them in installation order: each after the extensions
 * that it requires, otherwise as listed, built-in ones first.
 *
 * @throws {ClusterError} codes `badExtension`, `duplicateExtension`, `missingExtension`,
 * `circularExtension`; the last two name the chain of requirements.
 */
export function makeExtensions(
  builtIn: readonly NodeExtensionFactory[],
  listed: readonly NodeExtensionFactory[] = [],
): NodeExtension[] {
  if (!Array.isArray(listed)) {
    throw new ClusterError("badExtension", "extensions is not an array", {
      value: listed,
      remedy: "list functions that make an extension",
    });
  }
  return orderExtensions([...builtIn, ...listed].map((factory: NodeExtensionFactory) => {
    if (typeof factory === "function") return check(factory());
    throw new ClusterError("badExtension", "extensions: an entry is not a function", {
      value: factory,
      remedy: "list functions that make an extension: each node needs an instance of its own",
    });
  }));
}

/** See {@linkcode makeExtensions}. */
export function orderExtensions(extensions: readonly NodeExtension[]): NodeExtension[] {
  const byName = new Map<string, NodeExtension>();
  const topics = new Set<string>(explainTopics);
  for (const extension of extensions) {
    if (byName.has(extension.name)) throw duplicate("name", extension.name);
    byName.set(extension.name, extension);
    for (const topic of topicsOf(extension)) {
      if (topics.has(topic)) throw duplicate("topic", topic);
      topics.add(topic);
    }
  }
  const ordered = new Set<NodeExtension>();
  const visit = (name: string, chain: readonly string[]): void => {
    const path = [...chain, name];
    const extension = byName.get(name);
    if (extension === undefined) {
      const why = `extension "${name}" is required but not there: ${path.join(" -> ")}`;
      throw new ClusterError("missingExtension", why, {
        value: path,
        remedy: `add "${name}" to the option extensions`,
      });
    }
    if (chain.includes(name)) {
      throw new ClusterError(
        "circularExtension",
        `extensions require each other: ${arrows(path)}`,
        {
          value: path,
          remedy: "take out one of these requirements",
        },
      );
    }
    if (ordered.has(extension)) return;
    for (const required of extension.requires ?? []) visit(required, path);
    ordered.add(extension);
  };
  for (const { name } of extensions) visit(name, []);
  return [...ordered];
}

/** Topics that an extension can explain. */
export function topicsOf({ name, topics, explain }: NodeExtension): readonly string[] {
  return explain === undefined ? [] : topics ?? [name];
}

function arrows(path: readonly string[]): string {
  return path.slice(path.indexOf(path.at(-1)!)).join(" -> ");
}

function check(extension: NodeExtension): NodeExtension {
  const { name, install, requires = [] } = extension ?? {};
  const isNamed = typeof name === "string" && /^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(name);
  if (isNamed && typeof install === "function" && Array.isArray(requires)) return extension;
  throw new ClusterError("badExtension", `${String(name)} is not an extension`, {
    value: extension,
    remedy: "return an object with name (a letter, then up to 63 letters, digits, _ or -), " +
      "install and an optional array requires",
  });
}

function duplicate(what: string, value: string): ClusterError {
  return new ClusterError("duplicateExtension", `two extensions have the ${what} "${value}"`, {
    value,
    remedy: "list each extension once",
  });
}
