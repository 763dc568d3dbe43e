/**
 * Name constraints (RFC 5280, 4.2.1.10): the names that an authority may certify, directly or
 * through others. Pure.
 *
 * @module
 */
import { type GeneralSubtree, NameConstraints } from "pkijs";
import { type AlternativeName, nameTypes } from "./certificate_names.ts";
import { ipText } from "./host_names.ts";
import { replaceUnprintable } from "../runtime/unprintable.ts";

/** The names that an authority permits; empty lists permit all. */
export interface NameConstraintReading {
  readonly permitted: readonly Subtree[];
  readonly excluded: readonly Subtree[];
}

/** A set of names of one type. */
interface Subtree {
  readonly type: AlternativeName["type"];
  /** A domain, or the text of another kind of name. */
  readonly text: string;
  /** Address and mask; only of IP addresses. */
  readonly bytes?: Uint8Array;
}

/** A constraint that a name breaks. `problem` completes "was issued by X, which ...". */
export interface BrokenConstraint {
  readonly problem: string;
}

/** Reads the extension. */
export function readNameConstraints(value: unknown): NameConstraintReading | undefined {
  if (!(value instanceof NameConstraints)) return undefined;
  return {
    permitted: (value.permittedSubtrees ?? []).map(readSubtree),
    excluded: (value.excludedSubtrees ?? []).map(readSubtree),
  };
}

function readSubtree({ base: { type, value } }: GeneralSubtree): Subtree {
  const name = nameTypes[type] ?? "other";
  if (name !== "ip") return { type: name, text: name === "other" ? "" : String(value) };
  const bytes = new Uint8Array(value.valueBlock.valueHexView ?? []);
  const half = bytes.length / 2;
  const text = [bytes.subarray(0, half), bytes.subarray(half)].map(ipText).join("/");
  return { type: name, text, bytes };
}

/** The first name that the constraints do not allow, and why. */
export function brokenConstraint(
  constraints: NameConstraintReading,
  names: readonly AlternativeName[],
): BrokenConstraint | undefined {
  for (const name of names) {
    const excluded = constraints.excluded.find((tree) => {
      return tree.type === name.type && within(name, tree, "excluded") !== false;
    });
    if (excluded !== undefined) {
      return { problem: `excludes ${shown(excluded)} and so the name ${shown(name)}` };
    }
    const permitted = constraints.permitted.filter(({ type }) => type === name.type);
    if (permitted.length === 0) continue;
    if (permitted.some((tree) => within(name, tree, "permitted") === true)) continue;
    const all = permitted.map(shown).join(", ");
    return { problem: `permits only ${all} and not the name ${shown(name)}` };
  }
  return undefined;
}

/** Types of names that are constrained. */
export function constrainedTypes(
  { permitted, excluded }: NameConstraintReading,
): Set<AlternativeName["type"]> {
  return new Set([...permitted, ...excluded].map(({ type }) => type));
}

/** Whether a name is in a subtree; undefined: that cannot be decided. */
function within(
  name: AlternativeName,
  tree: Subtree,
  kind: "permitted" | "excluded",
): boolean | undefined {
  switch (name.type) {
    case "dns":
      return dnsWithin(name.text.toLowerCase(), tree.text.toLowerCase(), kind);
    case "ip":
      return ipWithin(name.bytes, tree.bytes);
    case "uri":
      return uriWithin(name.text, tree.text.toLowerCase());
    default:
      // Of these only the TLS library has an opinion, and it refuses them.
      return kind === "permitted";
  }
}

const dnsName = /^(\*\.)?([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}$/;

function dnsWithin(
  name: string,
  domain: string,
  kind: "permitted" | "excluded",
): boolean | undefined {
  if (!dnsName.test(name)) return undefined;
  if (domain === "") return true;
  const suffix = domain.startsWith(".") ? domain : `.${domain}`;
  if (name === domain || name.endsWith(suffix)) return true;
  // A wildcard stands for the excluded name as well.
  return kind === "excluded" && name.startsWith("*.") &&
    domain.replace(/^[^.]+\./, "*.") === name;
}

function ipWithin(
  address: Uint8Array | undefined,
  subtree: Uint8Array | undefined,
): boolean | undefined {
  if (address === undefined || subtree === undefined) return undefined;
  const half = subtree.length / 2;
  const mask = subtree.subarray(half);
  if ((half !== 4 && half !== 16) || !isPrefix(mask)) return undefined;
  if (address.length !== half) return false;
  return address.every((byte, index) => {
    return (byte & mask[index]!) === (subtree[index]! & mask[index]!);
  });
}

/** RFC 4632: ones, then zeros. */
function isPrefix(mask: Uint8Array): boolean {
  const bits = Array.from(mask, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return /^1*0*$/.test(bits);
}

/** A domain with a leading dot matches all hosts below it, any other one host. */
function uriWithin(uri: string, domain: string): boolean | undefined {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:]+)(?::\d*)?(?:[/?#]|$)/i.exec(uri)?.[1]
    ?.toLowerCase();
  if (host === undefined) return undefined;
  return domain.startsWith(".") ? host.endsWith(domain) : host === domain;
}

/** A name for a message; the issuer may have written anything. */
function shown({ type, text }: Subtree | AlternativeName): string {
  const label = type === "dns" || type === "ip" || type === "uri" ? type.toUpperCase() : type;
  return replaceUnprintable(`${label} ${text}`.slice(0, 120));
}
