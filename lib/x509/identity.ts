/**
 * What a certificate makes of its holder: a node or a client, and of what name. By default that is
 * said by a URI name `spiffe://<domain>/node/<name>` or `.../client/<name>`, and by nothing else;
 * the option `identity` says it for certificates of another PKI. Pure.
 *
 * @module
 */
import { CastyError } from "../runtime/casty_error.ts";
import type {
  CertificateNames,
  IdentityFunction,
  IdentityMapping,
  IdentityPatterns,
} from "../runtime/identity_mapping.ts";
import { covers, matches, type NamePattern, parsePattern } from "./name_pattern.ts";

/** Who the holder of a certificate is. */
export interface CertificateIdentity {
  readonly kind: "node" | "client";
  readonly name: string;
  /** The URI name in full, if it comes from one. */
  readonly uri?: string;
  /** Domain of that URI, if it is a SPIFFE ID. */
  readonly trustDomain?: string;
}

/** Why a certificate has no identity; `problem` completes "the certificate of X ...". */
export interface MissingIdentity {
  readonly problem: string;
  readonly remedy: string;
}

/** Tells who the holder of a certificate is. */
export interface IdentityMapper {
  /** The identity, or why there is none. */
  readonly identify: (names: CertificateNames) => CertificateIdentity | MissingIdentity;
  /** Whether a peer must be of the trust domain of this end: patterns write domains in full. */
  readonly sameDomain: boolean;
}

type Role = CertificateIdentity["kind"];

// SPIFFE-ID 2.1 and 2.2: letters, digits, dots, dashes and underscores; the domain in lower case.
const ownUri = /^spiffe:\/\/([a-z0-9._-]{1,255})\/(node|client)\/([A-Za-z0-9._-]{1,255})$/;
const spiffeId = /^spiffe:\/\/([a-z0-9._-]{1,255})\/./;
const maxShownNames = 5;
const maxShownName = 120;
const maxReason = 200;
// deno-lint-ignore no-control-regex -- control characters are what is taken out
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Node or client, and its name, of a URI name that Casty's own tool writes. */
export function parseOwnUri(uri: string): CertificateIdentity | undefined {
  const [, trustDomain, kind, name] = ownUri.exec(uri) ?? [];
  if (trustDomain === undefined || name === undefined) return undefined;
  return { kind: kind as Role, name, uri, trustDomain };
}

/** Whether there is no identity. */
export function isMissing(
  outcome: CertificateIdentity | MissingIdentity,
): outcome is MissingIdentity {
  return "problem" in outcome;
}

/** The mapper without the option `identity`. */
export const ownIdentities: IdentityMapper = { identify: identifyOwn, sameDomain: true };

const mappers = new WeakMap<object, IdentityMapper>();

/**
 * The mapper of the option `identity`. The same option gives the same mapper.
 *
 * @throws {CastyError} code `badOption`.
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

/**
 * Why a peer may not connect because of its trust domain: undefined if it may. `problem` completes
 * "the certificate of X ...".
 */
export function domainProblem(
  own: { readonly trustDomain?: string },
  peer: { readonly trustDomain?: string },
  mapper: IdentityMapper,
): string | undefined {
  if (!mapper.sameDomain || own.trustDomain === peer.trustDomain) return undefined;
  return `is of ${domainText(peer.trustDomain)}, and this end of ${domainText(own.trustDomain)}`;
}

/** The names of a certificate for a message. */
export function listNames(names: CertificateNames): string {
  const all = [
    ...names.uris.map((uri) => `URI ${uri}`),
    ...names.dnsNames.map((name) => `DNS ${name}`),
    ...names.ipAddresses.map((address) => `IP ${address}`),
    ...names.commonNames.map((name) => `subject CN=${name}`),
    ...names.organizations.map((name) => `O=${name}`),
    ...names.organizationalUnits.map((name) => `OU=${name}`),
  ];
  if (all.length === 0) return "no name at all";
  const more = all.length - maxShownNames;
  const shown = all.slice(0, maxShownNames).map(plain).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

function identifyOwn(names: CertificateNames): CertificateIdentity | MissingIdentity {
  const [identity, second] = names.uris.flatMap((uri) => parseOwnUri(uri) ?? []);
  if (identity === undefined) {
    return {
      problem:
        "has no URI name spiffe://<domain>/node/<name> or spiffe://<domain>/client/<name>; " +
        `it has ${listNames(names)}`,
      remedy:
        "issue it with cert.ts create-node or create-client; to use certificates of another " +
        `PKI, say with the option identity of TlsConfig which names are nodes and which are ` +
        `clients${example(names)} (docs/foreign_pki.md)`,
    };
  }
  if (second === undefined) return identity;
  return {
    problem: "has more than one node or client name: " +
      `it is ${identity.kind} ${identity.name} and ${second.kind} ${second.name}`,
    remedy: "issue one certificate for each node or client",
  };
}

function example({ uris, dnsNames, commonNames }: CertificateNames): string {
  const [uri] = uris.filter((uri) => spiffeId.test(uri));
  const [dns] = dnsNames.filter((name) => !name.includes("*"));
  const pattern = uri ?? (dns && `dns:${dns}`) ??
    (commonNames[0] && `subject:CN=${commonNames[0]}`);
  return pattern === undefined ? "" : `, such as { node: ${JSON.stringify(plain(pattern))} }`;
}

function patternMapper(option: IdentityPatterns): IdentityMapper {
  const unknown = Object.keys(option).find((key) => key !== "node" && key !== "client");
  if (unknown !== undefined) {
    throw badOption(`identity.${unknown}`, unknown, "roles are node and client");
  }
  const patterns = { node: patternsOf(option, "node"), client: patternsOf(option, "client") };
  if (patterns.node.length + patterns.client.length === 0) {
    throw badOption("identity", option, "it has no pattern, so that nobody could connect");
  }
  refuseOverlap(patterns.node, patterns.client);
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

/** Told when it is loaded: otherwise every such certificate would be refused, one by one. */
function refuseOverlap(nodes: readonly NamePattern[], clients: readonly NamePattern[]): void {
  for (const node of nodes) {
    for (const client of clients) {
      const [wide, narrow] = covers(node, client) ? [node, client] : [client, node];
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
  const [node, client] = (["node", "client"] as const).map((role) => {
    return firstMatch(role, patterns[role], names);
  });
  if (node !== undefined && client !== undefined) {
    return {
      problem: `is both a node (${matchText(node)}) and a client (${matchText(client)})`,
      remedy: "make the patterns of the option identity such that one role matches",
    };
  }
  const match = node ?? client;
  if (match === undefined) {
    const wanted = (["node", "client"] as const).filter((role) => patterns[role].length > 0)
      .map((role) => `${role}: ${patterns[role].map(({ text }) => text).join(", ")}`);
    return {
      problem: `matches no pattern of the option identity (${plain(wanted.join("; "))}); ` +
        `it has ${listNames(names)}`,
      remedy: "issue it under a name that matches, or add a pattern for it",
    };
  }
  if (match.names.length > 1) {
    return {
      problem: `matches ${match.pattern.text} with ${match.names.length} of its names ` +
        `(${match.names.slice(0, maxShownNames).map(plain).join(", ")}), and must with one`,
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
  const ids = names.uris.filter((uri) => spiffeId.test(uri));
  if (ids.length > 1) {
    return {
      problem: `has ${ids.length} SPIFFE IDs (${
        ids.slice(0, maxShownNames).map(plain).join(", ")
      })`,
      remedy: "issue one certificate for each SPIFFE ID",
    };
  }
  const own = parseOwnUri(name!);
  const trustDomain = spiffeId.exec(name!)?.[1];
  return {
    kind: role,
    name: own?.name ?? name!.replace(/^[^:]*:\/\/[^/]*\//, ""),
    uri: name!,
    ...(trustDomain !== undefined && { trustDomain }),
  };
}

function matchText({ pattern, names }: Match): string {
  return `${plain(names[0]!)} matches ${pattern.text}`;
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
    return refuse(`has no identity, because the option identity failed: ${plain(why, maxReason)}`);
  }
  if (answer === undefined || answer === null) {
    return refuse("is neither a node nor a client by the option identity");
  }
  if (typeof answer === "string") {
    return refuse(`is refused by the option identity: ${plain(answer, maxReason)}`);
  }
  // An answer that comes later would be none.
  if (answer instanceof Promise) answer.catch(() => {});
  const { role, name, trustDomain } = answer as Record<string, unknown>;
  if ((role !== "node" && role !== "client") || !isName(name) || !isOptionalName(trustDomain)) {
    return refuse(
      "has no identity, because the option identity answered neither a role and a name nor a text",
    );
  }
  const [id, second] = names.uris.filter((uri) => spiffeId.test(uri));
  const uri = second === undefined ? id : undefined;
  const domain = trustDomain ?? (uri && spiffeId.exec(uri)![1]);
  return {
    kind: role,
    name,
    ...(uri !== undefined && { uri }),
    ...(domain !== undefined && { trustDomain: domain }),
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length >= 1 && value.length <= 255 &&
    value.search(controls) < 0;
}

function isOptionalName(value: unknown): value is string | undefined {
  return value === undefined || isName(value);
}

function domainText(trustDomain: string | undefined): string {
  return trustDomain === undefined ? "no trust domain" : `the trust domain ${trustDomain}`;
}

/** Whoever asked for the certificate has chosen the words: they must not steer a terminal. */
function plain(text: string, max = maxShownName): string {
  return text.slice(0, max).replace(controls, "\ufffd");
}

function badOption(option: string, value: unknown, problem: string): CastyError {
  return new CastyError("badOption", `${option} is not allowed: ${problem}`, {
    value,
    remedy: "see IdentityMapping and docs/foreign_pki.md",
  });
}
