/**
 * The option `identity`: patterns or a function say which certificates are nodes, clients and
 * admins, for a PKI whose certificates have no URI names of Casty. What is ambiguous is refused.
 * Pure.
 *
 * @module
 */
import { OptionError } from "../options/option_error.ts";
import type {
  CertificateNames,
  IdentityFunction,
  IdentityMapping,
  IdentityPatterns,
} from "../runtime/identity_mapping.ts";
import {
  type CertificateIdentity,
  type IdentityMapper,
  listNames,
  type MissingIdentity,
  ownIdentities,
  parseOwnUri,
  printableName,
  trustDomainOf,
} from "./identity.ts";
import { covers, matches, type NamePattern, parsePattern } from "./name_pattern.ts";

const maxShownNames = 5;
const maxReason = 200;
/** Characters of all patterns in one message. */
const maxShownPatterns = 400;
// deno-lint-ignore no-control-regex -- control characters are what is refused
const controls = /[\u0000-\u001f\u007f-\u009f]/;

type Role = CertificateIdentity["kind"];

const roles = ["node", "client", "admin"] as const;

const mappers = new WeakMap<object, IdentityMapper>();

/**
 * The mapper of the option `identity`. The same option returns the same mapper.
 *
 * @throws {OptionError}
 */
export function identityMapper(option: IdentityMapping | undefined): IdentityMapper {
  if (option === undefined) return ownIdentities;
  if (typeof option !== "function" && (typeof option !== "object" || option === null)) {
    throw badOption("identity", option, "it is neither patterns by role nor a function");
  }
  let mapper = mappers.get(option);
  if (mapper === undefined) {
    mapper = typeof option === "function" ? functionMapper(option) : patternMapper(option);
    mappers.set(option, mapper);
  }
  return mapper;
}

function patternMapper(option: IdentityPatterns): IdentityMapper {
  const unknown = Object.keys(option).find((key) => !(roles as readonly string[]).includes(key));
  if (unknown !== undefined) {
    throw badOption(`identity.${unknown}`, unknown, "roles are node, client and admin");
  }
  const patterns = {
    node: patternsOf(option, "node"),
    client: patternsOf(option, "client"),
    admin: patternsOf(option, "admin"),
  };
  if (roles.every((role) => patterns[role].length === 0)) {
    throw badOption("identity", option, "it has no pattern, so that no peer could connect");
  }
  refuseOverlap(patterns.node, patterns.client);
  refuseOverlap(patterns.node, patterns.admin);
  refuseOverlap(patterns.client, patterns.admin);
  return { identify: (names) => identifyByPattern(patterns, names), sameDomain: false };
}

function patternsOf(option: IdentityPatterns, role: Role): NamePattern[] {
  const given: unknown = option[role] ?? [];
  const list: unknown[] = Array.isArray(given) ? given : [given];
  return list.map((text, index) => {
    return parsePattern(
      text,
      Array.isArray(given) ? `identity.${role}[${index}]` : `identity.${role}`,
    );
  });
}

/** Reported when it is loaded: otherwise every such certificate would be refused, one by one. */
function refuseOverlap(some: readonly NamePattern[], others: readonly NamePattern[]): void {
  for (const one of some) {
    for (const other of others) {
      const [wide, narrow] = covers(one, other) ? [one, other] : [other, one];
      if (!covers(wide, narrow)) continue;
      throw badOption(
        "identity",
        narrow.text,
        `what matches ${JSON.stringify(narrow.text)} also matches ${JSON.stringify(wide.text)} ` +
          "of the other role, and a certificate must be of one role",
      );
    }
  }
}

interface Match {
  readonly role: Role;
  readonly pattern: NamePattern;
  readonly names: readonly string[];
}

function identifyByPattern(
  patterns: Readonly<Record<Role, readonly NamePattern[]>>,
  names: CertificateNames,
): CertificateIdentity | MissingIdentity {
  const [match, second] = roles.flatMap((role) => firstMatch(role, patterns[role], names) ?? []);
  if (match !== undefined && second !== undefined) {
    return {
      problem: `is both ${roleText(match)} and ${roleText(second)}`,
      remedy: "make the patterns of the option identity such that one role matches",
    };
  }
  if (match === undefined) {
    const wanted = roles.filter((role) => patterns[role].length > 0)
      .map((role) => `${role}: ${patterns[role].map(({ text }) => text).join(", ")}`);
    return {
      problem:
        `matches no pattern of the option identity (${
          printableName(wanted.join("; "), maxShownPatterns)
        }); ` +
        `it has ${listNames(names)}`,
      remedy: "issue it under a name that matches, or add a pattern for it",
    };
  }
  if (match.names.length > 1) {
    return {
      problem: `matches ${match.pattern.text} with ${match.names.length} of its names ` +
        `(${
          match.names.slice(0, maxShownNames).map((name) => printableName(name)).join(", ")
        }), and must with one`,
      remedy: "make that pattern of the option identity narrower, or use another of its names",
    };
  }
  return named(match, names);
}

/** The first pattern counts, so that their order chooses among the names of one certificate. */
function firstMatch(
  role: Role,
  patterns: readonly NamePattern[],
  names: CertificateNames,
): Match | undefined {
  for (const pattern of patterns) {
    const matched = matches(pattern, names);
    if (matched.length > 0) return { role, pattern, names: matched };
  }
  return undefined;
}

function named({ role, pattern, names: [name] }: Match, names: CertificateNames) {
  if (pattern.kind !== "uri") {
    return { kind: role, name: pattern.kind === "dns" ? name!.toLowerCase() : name! };
  }
  // SPIFFE X.509-SVID 2: with several of them it is none.
  const ids = names.uris.filter((uri) => trustDomainOf(uri) !== undefined);
  if (ids.length > 1) {
    return {
      problem: `has ${ids.length} SPIFFE IDs (${
        ids.slice(0, maxShownNames).map((name) => printableName(name)).join(", ")
      })`,
      remedy: "issue one certificate for each SPIFFE ID",
    };
  }
  const own = parseOwnUri(name!);
  const trustDomain = trustDomainOf(name!);
  return {
    kind: role,
    name: own?.name ?? name!.replace(/^[^:]*:\/\/[^/]*\//, ""),
    uri: name!,
    ...(trustDomain !== undefined && { trustDomain }),
  };
}

function roleText({ role, pattern, names }: Match): string {
  const article = role === "admin" ? "an" : "a";
  return `${article} ${role} (${printableName(names[0]!)} matches ${pattern.text})`;
}

function functionMapper(option: IdentityFunction): IdentityMapper {
  return { identify: (names) => askFunction(option, names), sameDomain: true };
}

function askFunction(
  option: IdentityFunction,
  names: CertificateNames,
): CertificateIdentity | MissingIdentity {
  const remedy = "see the option identity of the end that refuses";
  const refuse = (why: string): MissingIdentity => {
    return { problem: `${why}; it has ${listNames(names)}`, remedy };
  };
  let answer: unknown;
  try {
    answer = option(names);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return refuse(
      `has no identity, because the option identity failed: ${printableName(why, maxReason)}`,
    );
  }
  if (answer === undefined || answer === null) {
    return refuse("is no node, client or admin by the option identity");
  }
  if (typeof answer === "string") {
    return refuse(`is refused by the option identity: ${printableName(answer, maxReason)}`);
  }
  // A promise is not a valid result.
  if (answer instanceof Promise) answer.catch(() => {});
  const { role, name, trustDomain } = answer as Record<string, unknown>;
  if (!isRole(role) || !isName(name) || !isOptionalName(trustDomain)) {
    return refuse(
      "has no identity, because the option identity answered neither a role and a name nor a text",
    );
  }
  const [id, second] = names.uris.filter((uri) => trustDomainOf(uri) !== undefined);
  const uri = second === undefined ? id : undefined;
  const domain = trustDomain ?? (uri && trustDomainOf(uri));
  return {
    kind: role,
    name,
    ...(uri !== undefined && { uri }),
    ...(domain !== undefined && { trustDomain: domain }),
  };
}

function isRole(value: unknown): value is Role {
  return (roles as readonly unknown[]).includes(value);
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 255 &&
    !controls.test(value);
}

function isOptionalName(value: unknown): value is string | undefined {
  return value === undefined || isName(value);
}

function badOption(option: string, value: unknown, problem: string): OptionError {
  return new OptionError(option, `${option} is not allowed: ${problem}`, {
    value,
    remedy: "see IdentityMapping and docs/foreign_pki.md",
  });
}
