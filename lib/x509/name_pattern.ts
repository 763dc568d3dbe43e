/**
 * Patterns of the names in a certificate: `spiffe://example.org/ns/prod/sa/casty-*`,
 * `dns:*.clients.example`, `subject:CN=casty-*,O=Example`. Pure.
 *
 * A pattern is a list of parts, and each part has at most one `*`, so that a match takes linear
 * time whatever the names are, and it can be decided whether one pattern covers another.
 *
 * @module
 */
import { OptionError } from "../options/option_error.ts";
import type { CertificateNames } from "../runtime/identity_mapping.ts";

/** Where in a certificate a pattern looks. */
export type NameKind = "uri" | "dns" | "subject";

/** A pattern that was checked. */
export interface NamePattern {
  /** As it was given. */
  readonly text: string;
  readonly kind: NameKind;
  /** In order; those of a subject each with its attribute. */
  readonly parts: readonly PatternPart[];
}

interface PatternPart {
  /** The attribute of the subject; empty in URI and DNS patterns. */
  readonly attribute: string;
  readonly before: string;
  /** Undefined: no `*`, the part is `before` exactly. */
  readonly after: string | undefined;
}

/** Longest pattern, and longest name that can match. */
const maxLength = 2_048;
const maxNameLength = 255;
const attributes = {
  CN: "commonNames",
  O: "organizations",
  OU: "organizationalUnits",
} as const;
/** An absolute URI with an authority and a path. */
const uriShape = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)\/([^?#]+)$/;
// deno-lint-ignore no-control-regex -- control characters are what is refused
const controls = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Checks a pattern. `option` is what the error calls it.
 *
 * @throws {OptionError}
 */
export function parsePattern(text: unknown, option: string): NamePattern {
  if (typeof text !== "string" || text === "" || text.length > maxLength || controls.test(text)) {
    throw refuse(option, text, `a pattern is a text of 1 to ${maxLength} printable characters`);
  }
  if (text.startsWith("dns:")) return { text, kind: "dns", parts: dnsParts(text, option) };
  if (text.startsWith("subject:")) {
    return { text, kind: "subject", parts: subjectParts(text, option) };
  }
  return { text, kind: "uri", parts: uriParts(text, option) };
}

/** The names of a certificate that a pattern matches; for a subject, at most one text. */
export function matches(pattern: NamePattern, names: CertificateNames): string[] {
  switch (pattern.kind) {
    case "uri":
      return names.uris.filter((uri) => matchesAll(pattern.parts, splitUri(uri)));
    case "dns":
      return names.dnsNames.filter((name) => {
        return !name.includes("*") && matchesAll(pattern.parts, splitDns(name));
      });
    case "subject":
      return matchesSubject(pattern.parts, names) ? [subjectName(pattern, names)] : [];
  }
}

/** Whether every name that `inner` matches is also matched by `outer`. */
export function covers(outer: NamePattern, inner: NamePattern): boolean {
  if (outer.kind !== inner.kind) return false;
  if (outer.kind === "subject") {
    return outer.parts.every((part) => {
      return inner.parts.some((other) => {
        return other.attribute === part.attribute && coversPart(part, other);
      });
    });
  }
  return outer.parts.length === inner.parts.length &&
    outer.parts.every((part, index) => coversPart(part, inner.parts[index]!));
}

function uriParts(text: string, option: string): PatternPart[] {
  const [, scheme, authority, path] = uriShape.exec(text) ?? [];
  if (scheme === undefined || authority === undefined || path === undefined) {
    throw refuse(option, text, "it is no URI with a host and a path, and has no known prefix");
  }
  if (authority === "" || authority.includes("*")) {
    throw refuse(option, text, "the trust domain or host must be written in full, without *");
  }
  if (scheme === "spiffe" && !/^[a-z0-9._-]{1,255}$/.test(authority)) {
    throw refuse(option, text, `"${authority}" is not a SPIFFE trust domain`);
  }
  const segments = path.split("/");
  if (segments.includes("")) throw refuse(option, text, "a part of the path is empty");
  const bad = scheme === "spiffe" && segments.find((part) => !/^[A-Za-z0-9._*-]+$/.test(part));
  if (bad) throw refuse(option, text, `"${bad}" cannot be a part of a SPIFFE ID`);
  const exact = [scheme, authority].map((before) => ({ attribute: "", before, after: undefined }));
  return [...exact, ...segments.map((segment) => part(segment, text, option))];
}

function dnsParts(text: string, option: string): PatternPart[] {
  const labels = splitDns(text.slice("dns:".length));
  // deno-lint-ignore no-control-regex -- what is not ASCII is what is looked for
  if (/[^\u0000-\u007f]/.test(text)) {
    throw refuse(option, text, "certificates hold the ASCII form of a DNS name (xn--...)");
  }
  const bad = labels.find((label) => !/^[a-z0-9_*-]{1,63}$/.test(label));
  if (bad !== undefined) throw refuse(option, text, `"${bad}" cannot be a label of a DNS name`);
  return labels.map((label) => part(label, text, option));
}

function subjectParts(text: string, option: string): PatternPart[] {
  const parts = text.slice("subject:".length).split(/(?<!\\),/).map((pair) => {
    const [, attribute = "", value = ""] = /^\s*([A-Z]+)=(.*)$/.exec(pair) ?? [];
    if (!(attribute in attributes) || value === "") {
      throw refuse(option, text, "a subject pattern is a list of CN=, O= or OU= with a value");
    }
    return { ...part(value.replaceAll("\\,", ","), text, option), attribute };
  });
  if (new Set(parts.map(({ attribute }) => attribute)).size < parts.length) {
    throw refuse(option, text, "an attribute is there twice");
  }
  return parts;
}

function part(text: string, pattern: string, option: string): PatternPart {
  const [before = "", after, ...more] = text.split("*");
  if (more.length > 0) throw refuse(option, pattern, `"${text}" has more than one *`);
  return { attribute: "", before, after };
}

function matchesAll(parts: readonly PatternPart[], texts: readonly string[] | undefined): boolean {
  return texts?.length === parts.length &&
    parts.every((part, index) => matchesPart(part, texts[index]!));
}

function matchesSubject(parts: readonly PatternPart[], names: CertificateNames): boolean {
  return parts.every((part) => {
    const values = names[attributes[part.attribute as keyof typeof attributes]];
    // Which of several counts would be for the subject to choose.
    return values.length === 1 && matchesPart(part, values[0]!);
  });
}

/** `*` stands for one or more characters. */
function matchesPart({ before, after }: PatternPart, text: string): boolean {
  if (text.length > maxNameLength || controls.test(text)) return false;
  if (after === undefined) return text === before;
  return text.length > before.length + after.length && text.startsWith(before) &&
    text.endsWith(after);
}

function coversPart(outer: PatternPart, inner: PatternPart): boolean {
  if (outer.after === undefined) return inner.after === undefined && inner.before === outer.before;
  if (inner.after === undefined) return matchesPart(outer, inner.before);
  return inner.before.startsWith(outer.before) && inner.after.endsWith(outer.after);
}

/** Scheme, authority and the segments of the path; undefined for what has another shape. */
function splitUri(uri: string): string[] | undefined {
  if (uri.length > maxLength) return undefined;
  const [, scheme, authority, path] = uriShape.exec(uri) ?? [];
  return path === undefined ? undefined : [scheme!, authority!, ...path.split("/")];
}

function splitDns(name: string): string[] {
  return name.toLowerCase().replace(/\.$/, "").split(".");
}

/** The common name if the certificate has exactly one, else what the pattern's last part matched. */
function subjectName({ parts }: NamePattern, names: CertificateNames): string {
  const [commonName, second] = names.commonNames;
  if (commonName !== undefined && second === undefined) return commonName;
  return names[attributes[parts.at(-1)!.attribute as keyof typeof attributes]][0]!;
}

function refuse(option: string, value: unknown, problem: string): OptionError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 200)) : String(value);
  return new OptionError(option, `${option}: ${shown} is not allowed: ${problem}`, {
    value,
    remedy: 'write it like "spiffe://example.org/ns/prod/sa/casty-*", "dns:*.nodes.example" or ' +
      '"subject:CN=casty-*,O=Example"; docs/foreign_pki.md has one for each tool',
  });
}
