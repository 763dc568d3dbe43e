/**
 * Explains why two peers would refuse each other, with remedies.
 *
 * @module
 */
import { checkOptions } from "../../options/check_options.ts";
import { doctorTable } from "../../options/tables/cert_tables.ts";
import { type CertificateReading, isoTime } from "../../x509/certificate.ts";
import { coversHost, listHosts } from "../../x509/host_names.ts";
import { type CertificateIdentity, chainLinks, domainProblem } from "../../x509/identity.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import { judgeChain } from "../../x509/judge.ts";
import { type RevocationList, verifyLists } from "../../x509/revocation_list.ts";
import {
  inForce,
  judgeRevocation,
  listsNeeded,
  noRevocation,
} from "../../x509/revocation_policy.ts";
import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import { parseHostName } from "../authority/host_name.ts";
import { X509Error } from "../../x509/errors.ts";
import { identityOfSide, printable, subjectOf } from "./doctor_certificate.ts";
import { error, ownFindings, theCertificate, trusts, warning } from "./doctor_checks.ts";
import { command } from "../tool_command.ts";
import { hostsOf, kindOf, reissueRemedy } from "./doctor_remedies.ts";
import type { Finding } from "./doctor_finding.ts";
import { type DoctorSide, readSide } from "./doctor_side.ts";

/** How to examine two peers. */
export interface DoctorOptions {
  /** Host under which `B` is dialled. Default: not checked. */
  readonly host?: string;
  /** Host under which `A` is dialled. Default: not checked. */
  readonly ownHost?: string;
  /** The time that both clocks show. Default: now. */
  readonly now?: Date;
  /**
   * The option `crlRequired` of `TlsConfig`, with which both peers run. Default: not set, so that a
   * node refuses what an authority with an outdated list has issued, and a client does not.
   */
  readonly crlRequired?: boolean;
  /** The option `identity` of `TlsConfig`, with which both peers run. Default: without it. */
  readonly identity?: IdentityMapping;
}

/** How a peer judges another one. */
export interface View {
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
  /** See {@linkcode DoctorOptions}. */
  readonly crlRequired?: boolean | undefined;
}

/** One of the two peers, for people. */
export interface ExaminedPeer {
  /** The first argument is `A`. */
  readonly label: "A" | "B";
  /** The folder or file, or `host:port`. */
  readonly source: string;
  /** Such as `"node node-1"`. */
  readonly subject: string;
  /** Hosts that its certificate covers. */
  readonly hosts: readonly string[];
  /** Start of its validity. */
  readonly notBefore: Date;
  /** End of its validity. */
  readonly notAfter: Date;
  /** SHA-256 of its certificate. */
  readonly fingerprint: string;
  /** The authorities that it trusts; undefined when its bundle is not here. */
  readonly trusts: string | undefined;
}

/** The report of the doctor. */
export interface DoctorReport {
  /**
   * `accepted`: the two can connect. `refused`: they cannot. `unknown`: no finding is against it,
   * but something could not be checked.
   */
  readonly verdict: "accepted" | "refused" | "unknown";
  /** `A` and, unless it could not be seen, `B`. */
  readonly peers: readonly ExaminedPeer[];
  /** Errors first. */
  readonly findings: readonly Finding[];
  /** Checks that could not run, and why. */
  readonly unchecked: readonly string[];
}

/**
 * Compares the files of two peers, each a folder (`node.crt`, `node.key`, `ca.crt`, `ca.crl`) or a
 * certificate.
 *
 * @throws {CertError} codes `notFound`, `malformed`, when one of them has no certificate to check
 * of; `badName` for a host that cannot be one.
 *
 * @example
 * ```ts
 * import { diagnose, initWorkspace } from "@casty/casty/cert";
 *
 * const certs = await Deno.makeTempDir();
 * await initWorkspace(certs, { nodes: 2 });
 * const fine = await diagnose(`${certs}/node-1`, `${certs}/node-2`, { host: "localhost" });
 * console.assert(fine.verdict === "accepted");
 * const wrong = await diagnose(`${certs}/node-1`, `${certs}/node-2`, { host: "10.9.8.7" });
 * console.assert(wrong.findings[0]?.code === "wrongHost");
 * await Deno.remove(certs, { recursive: true });
 * ```
 */
export async function diagnose(
  a: string,
  b: string,
  options: DoctorOptions = {},
): Promise<DoctorReport> {
  checkOptions(doctorTable, options);
  const host = options.host === undefined ? undefined : parseHostName(options.host).text;
  const ownHost = options.ownHost === undefined ? undefined : parseHostName(options.ownHost).text;
  const now = (options.now ?? new Date()).getTime();
  const { crlRequired } = options;
  const mapper = identityMapper(options.identity);
  const [one, other] = [await readSide("A", a, mapper), await readSide("B", b, mapper)];
  const findings = [
    ...await ownFindings(one, now),
    ...await ownFindings(other, now),
    ...pairFindings(one, other),
    ...viewFindings(one, other, { now, crlRequired }),
    ...viewFindings(other, one, { now, crlRequired }),
    ...domainFindings(one, other),
    ...hostFindings(other, host),
    ...hostFindings(one, ownHost),
  ];
  return reportOf([one, other], findings);
}

/** Puts a report together. */
export function reportOf(
  sides: readonly DoctorSide[],
  findings: readonly Finding[],
): DoctorReport {
  const rank = { error: 0, warning: 1 } as const;
  const sorted = findings.toSorted((a, b) => rank[a.severity] - rank[b.severity]);
  const unchecked = sides.flatMap(uncheckedOf);
  const failed = sorted.some(({ severity }) => severity === "error");
  return {
    verdict: failed ? "refused" : unchecked.length > 0 ? "unknown" : "accepted",
    peers: sides.map(peerOf),
    findings: sorted,
    unchecked,
  };
}

/** How `observer` judges the certificate of `subject`: does it trust it, is it revoked. */
export function viewFindings(observer: DoctorSide, subject: DoctorSide, view: View): Finding[] {
  if (observer.authorities === undefined) return [];
  const { leaf, intermediates } = subject;
  // A signature that cannot be checked proves no issuer, and that is reported already.
  if (leaf.signatureAlgorithm.fault !== undefined) return [];
  const chain = judgeChain({
    leaf,
    intermediates,
    authorities: observer.authorities,
    now: view.now,
  });
  if (!("fault" in chain)) return revocationFindings(observer, subject, chain, view);
  const finding = error(observer, chain.fault, {
    what:
      `${observer.label} does not accept ${theCertificate(subject)} (${subject.label}), which ` +
      chain.problem,
    why: `${observer.label} trusts what ${observer.caFile} holds, and nothing else: ` +
      trusts(observer.authorities),
    remedy: reissueRemedy(subject, { under: observer }),
  });
  if (chain.blame === "intermediate") return [{ ...finding, remedy: chain.remedy }];
  if (chain.blame === "authority") {
    return [{ ...finding, remedy: command("rotate-ca", "begin", "WORKSPACE") }];
  }
  if (chain.fault !== "untrusted") return [{ ...finding, remedy: chain.remedy }];
  // A bundle from before a rotation, or two clusters that are to trust each other.
  const theirs = subject.caFile ?? "ITS_CA_CRT";
  if (domainFindings(observer, subject).length > 0) return [finding];
  return [{ ...finding, otherRemedy: `cat ${theirs} >> ${observer.caFile}` }];
}

/** Whether the certificate of `side` covers the host under which it is dialled. */
export function hostFindings(side: DoctorSide, host: string | undefined): Finding[] {
  if (host === undefined || kindOf(side) !== "node") return [];
  if (coversHost(side.leaf.hosts, host)) return [];
  return [error(side, "wrongHost", {
    what: `${theCertificate(side)} does not cover the host ${host}, but ` +
      printable(listHosts(side.leaf.hosts)),
    why: "a peer that dials it under that host refuses it: another machine may answer there",
    remedy: reissueRemedy(side, { hosts: [host] }),
  })];
}

/** Two peers of different trust domains, that are both clients, or show the same certificate. */
export function pairFindings(a: DoctorSide, b: DoctorSide): Finding[] {
  const about = `${a.label} and ${b.label}`;
  if (a.leaf.fingerprint === b.leaf.fingerprint) {
    return [{
      severity: "warning",
      code: "sameCertificate",
      about,
      what: "both show the same certificate",
      why: "a thief of one key is both peers, and neither can be revoked alone",
      remedy: reissueRemedy(b),
    }];
  }
  if (kindOf(a) === "node" || kindOf(b) === "node") return [];
  return [{
    severity: "error",
    code: "twoClients",
    about,
    what: "neither certificate is that of a node",
    why: "a client never listens: one of the two must be a node",
    remedy: reissueRemedy(b, { kind: "node" }),
  }];
}

/** Two peers of different trust domains. */
export function domainFindings(a: DoctorSide, b: DoctorSide): Finding[] {
  const [own, peer] = [identityOfSide(a), identityOfSide(b)];
  if (own === undefined || peer === undefined) return [];
  if (domainProblem(own, peer, a.mapper) === undefined) return [];
  const domain = ({ trustDomain }: CertificateIdentity) => trustDomain ?? "none";
  return [{
    severity: "error",
    code: "trustDomain",
    about: `${a.label} and ${b.label}`,
    what: `they are of different trust domains: ${a.label} of ${domain(own)}, ${b.label} of ` +
      domain(peer),
    why: "peers of different trust domains refuse each other, also below one authority",
    remedy: `${reissueRemedy(b)} --cluster ${domain(own)}`,
    otherRemedy: "name both domains in patterns of the option identity of TlsConfig " +
      "(docs/foreign_pki.md)",
  }];
}

function revocationFindings(
  observer: DoctorSide,
  subject: DoctorSide,
  path: readonly CertificateReading[],
  { now, crlRequired }: View,
): Finding[] {
  const { crl, crlFile, authorities = [] } = observer;
  const signers = [
    ...authorities,
    ...subject.intermediates.filter(({ isAuthority }) => isAuthority),
  ];
  const rewrite = command("revoke", "--ca-dir", subject.authorityDir ?? "CA_FOLDER");
  let lists: RevocationList[];
  try {
    lists = verifyLists(crl, signers);
  } catch (cause) {
    if (!(cause instanceof X509Error)) throw cause;
    return [error(observer, "badRevocationList", {
      what: `${crlFile} cannot be used: ${cause.problem}; trusted are ${trusts(authorities)}`,
      why: "such a list says nothing of this authority; it does not start with it",
      remedy: `write it anew under the authority that is trusted: ${rewrite}`,
    })];
  }
  const findings: Finding[] = [];
  for (const list of lists.filter((list) => !inForce(list, now))) {
    findings.push(warning(observer, "crlExpired", {
      what: `the revocation list ${crlFile} was to be renewed by ${isoTime(list.nextUpdate!)}`,
      why: "certificates that were revoked since then are not in it",
      remedy: `write it anew, and bring it to every node: ${rewrite}`,
    }));
  }
  const policy = { ...noRevocation, lists, ...listsNeeded(crlRequired, kindOf(observer)) };
  const { fingerprint } = subject.leaf;
  const refusal = judgeRevocation(policy, { fingerprint, chain: chainLinks(path) }, now);
  if (refusal === undefined) return findings;
  findings.push(error(observer, refusal.fault, {
    what: `${theCertificate(subject)} (${subject.label}) ${refusal.problem}, by ` +
      (crlFile ?? "the revocation list, which is missing"),
    why: `${observer.label} refuses it, and cuts a connection that it has`,
    remedy: refusal.fault === "noRevocationList"
      ? `write a list, and bring it to every node: ${rewrite}`
      : reissueRemedy(subject),
  }));
  return findings;
}

function uncheckedOf(side: DoctorSide): string[] {
  const result: string[] = [];
  const { label, source, certFile } = side;
  if (certFile === undefined) return result;
  if (side.authorities === undefined && side.caFile === undefined) {
    result.push(`which authorities ${label} trusts: there is no ca.crt beside ${source}`);
  }
  if (side.keyFile === undefined && side.findings.length === 0) {
    result.push(`the key of ${label}: there is none beside ${source}`);
  }
  return result;
}

function peerOf(side: DoctorSide): ExaminedPeer {
  const { notBefore, notAfter, fingerprint } = side.leaf;
  return {
    label: side.label,
    source: side.source,
    subject: subjectOf(side),
    hosts: hostsOf(side.leaf),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    fingerprint,
    trusts: side.authorities && trusts(side.authorities),
  };
}
