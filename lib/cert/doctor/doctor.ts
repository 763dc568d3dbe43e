/**
 * Says exactly why two peers would refuse each other, and what to do about it.
 *
 * @module
 */
import { chainProblem } from "./doctor_chain.ts";
import { printable, subjectOf } from "./doctor_certificate.ts";
import { error, ownFindings, theCertificate, trusts, warning } from "./doctor_checks.ts";
import { command } from "../cli/command_line.ts";
import { hostsOf, kindOf, reissueCure } from "./doctor_cures.ts";
import type { Finding } from "./doctor_finding.ts";
import { type DoctorSide, readSide } from "./doctor_side.ts";
import { verifiedBy } from "../../x509/signature.ts";
import { covers, type HostName, parseHostName } from "../authority/host_name.ts";

/** What the doctor can be told about two peers. */
export interface DoctorOptions {
  /** Host under which `B` is dialled. Default: not checked. */
  readonly host?: string;
  /** Host under which `A` is dialled. Default: not checked. */
  readonly ownHost?: string;
  /** The time that both clocks show. Default: now. */
  readonly now?: Date;
}

/** One of the two peers, for people. */
export interface ExaminedPeer {
  /** The first one that was asked about is `A`. */
  readonly label: "A" | "B";
  /** The folder or file, or `host:port`. */
  readonly source: string;
  /** Such as `"node node-1"`. */
  readonly subject: string;
  /** Hosts that its certificate covers. */
  readonly hosts: readonly string[];
  /** Beginning of its validity. */
  readonly notBefore: Date;
  /** End of its validity. */
  readonly notAfter: Date;
  /** SHA-256 of its certificate. */
  readonly fingerprint: string;
  /** The authorities that it trusts; undefined when its bundle is not here. */
  readonly trusts: string | undefined;
}

/** What the doctor says. */
export interface DoctorReport {
  /**
   * `accepted`: the two can connect. `refused`: they cannot. `unknown`: nothing speaks against it,
   * but something could not be checked.
   */
  readonly verdict: "accepted" | "refused" | "unknown";
  /** `A` and, unless it could not be seen, `B`. */
  readonly peers: readonly ExaminedPeer[];
  /** Errors first. */
  readonly findings: readonly Finding[];
  /** What could not be checked, and why. */
  readonly unchecked: readonly string[];
}

/**
 * Compares the files of two peers, each a folder (`node.crt`, `node.key`, `ca.crt`, `ca.crl`) or a
 * certificate.
 *
 * @throws {CertError} codes `notFound`, `malformed`, when one of them has no certificate to speak
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
  const host = options.host === undefined ? undefined : parseHostName(options.host);
  const ownHost = options.ownHost === undefined ? undefined : parseHostName(options.ownHost);
  const now = (options.now ?? new Date()).getTime();
  const [one, other] = [await readSide("A", a), await readSide("B", b)];
  const findings = [
    ...await ownFindings(one, now),
    ...await ownFindings(other, now),
    ...pairFindings(one, other),
    ...viewFindings(one, other, now),
    ...viewFindings(other, one, now),
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

/** What `observer` says of the certificate of `subject`: does it trust it, is it revoked. */
export function viewFindings(
  observer: DoctorSide,
  subject: DoctorSide,
  now: number,
): Finding[] {
  return [...trustFindings(observer, subject, now), ...revocationFindings(observer, subject, now)];
}

/** Whether the certificate of `side` covers the host under which it is dialled. */
export function hostFindings(side: DoctorSide, host: HostName | undefined): Finding[] {
  if (host === undefined || kindOf(side.leaf) === "client") return [];
  if (covers(side.leaf.info, host)) return [];
  const names = hostsOf(side.leaf).join(", ") || "no host at all";
  return [error(side, "wrongHost", {
    what: `${theCertificate(side)} does not cover the host ${host.text}, but ${printable(names)}`,
    why: "whoever dials it under that host refuses it; it may be somebody else who answers there",
    cure: reissueCure(side, { hosts: [host.text] }),
  })];
}

/** Two peers of which nobody can be dialled, or who show the same certificate. */
export function pairFindings(a: DoctorSide, b: DoctorSide): Finding[] {
  const about = `${a.label} and ${b.label}`;
  if (a.leaf.info.fingerprint === b.leaf.info.fingerprint) {
    return [{
      severity: "warning",
      code: "sameCertificate",
      about,
      what: "both show the same certificate",
      why: "who has stolen one is the other as well, and neither can be revoked alone",
      cure: reissueCure(b),
    }];
  }
  if (kindOf(a.leaf) === "node" || kindOf(b.leaf) === "node") return [];
  return [{
    severity: "error",
    code: "twoClients",
    about,
    what: "both certificates are those of clients",
    why: "a client never listens: one of the two must be a node",
    cure: reissueCure(b, { kind: "node" }),
  }];
}

function trustFindings(observer: DoctorSide, subject: DoctorSide, now: number): Finding[] {
  if (observer.authorities === undefined) return [];
  const { leaf, intermediates } = subject;
  const problem = chainProblem(leaf, intermediates, observer.authorities, now);
  if (problem === undefined) return [];
  const finding = error(observer, "untrusted", {
    what: `${observer.label} does not accept ${theCertificate(subject)} (${subject.label}): ` +
      problem.what,
    why: `${observer.label} trusts what ${observer.caFile} holds, and nothing else`,
    cure: reissueCure(subject, { under: observer }),
  });
  if (problem.blame === "intermediate") return [finding];
  if (problem.blame === "authority") {
    return [{ ...finding, cure: command("rotate-ca", "begin", "WORKSPACE") }];
  }
  // A bundle from before a rotation, or two clusters that are to trust each other.
  const theirs = subject.caFile ?? "ITS_CA_CRT";
  return [{ ...finding, otherCure: `cat ${theirs} >> ${observer.caFile}` }];
}

function revocationFindings(observer: DoctorSide, subject: DoctorSide, now: number): Finding[] {
  const { crl, crlFile, authorities = [] } = observer;
  const findings: Finding[] = [];
  const signers = [...authorities, ...subject.intermediates];
  const known = crl.flatMap((list) => {
    const signer = signers.find((authority) => list.signedBy(authority));
    return signer === undefined ? [] : [{ list, signer }];
  });
  // Beside a list that is used, that of an authority before a rotation does no harm.
  if (crl.length > 0 && known.length === 0) {
    findings.push(error(observer, "badCrl", {
      what: `the revocation list ${crlFile} is signed by none of ${trusts(authorities)}`,
      why: "such a list cannot be used; it does not start with it",
      cure: "write it anew with cert.ts revoke, under the authority that is trusted",
    }));
  }
  for (const { list, signer } of known) {
    if (list.nextUpdate !== undefined && list.nextUpdate.getTime() < now) {
      findings.push(warning(observer, "crlExpired", {
        what:
          `the revocation list ${crlFile} was to be renewed by ${list.nextUpdate.toISOString()}`,
        why: "who was revoked since then is not in it",
        cure: "write it anew with cert.ts revoke, and bring it to every node",
      }));
    }
    const revoked = [subject.leaf, ...subject.intermediates].find(({ serial, der }) => {
      return list.serials.has(serial) && verifiedBy(der, signer.der);
    });
    if (revoked === undefined) continue;
    const which = revoked === subject.leaf ? "" : " an issuer of";
    findings.push(error(observer, "revoked", {
      what: `${crlFile} revokes${which} ${theCertificate(subject)} (${subject.label}; serial ` +
        `${revoked.serial})`,
      why: `${observer.label} refuses it, and cuts a connection that it has`,
      cure: reissueCure(subject),
    }));
  }
  return findings;
}

function uncheckedOf(side: DoctorSide): string[] {
  const result: string[] = [];
  const { label, source, certFile } = side;
  if (certFile === undefined) return result;
  if (side.authorities === undefined && side.caFile === undefined) {
    result.push(`whom ${label} trusts: there is no ca.crt beside ${source}`);
  }
  if (side.keyFile === undefined && side.findings.length === 0) {
    result.push(`the key of ${label}: there is none beside ${source}`);
  }
  return result;
}

function peerOf(side: DoctorSide): ExaminedPeer {
  const { info } = side.leaf;
  return {
    label: side.label,
    source: side.source,
    subject: subjectOf(side.leaf),
    hosts: hostsOf(side.leaf),
    notBefore: info.notBefore,
    notAfter: info.notAfter,
    fingerprint: info.fingerprint,
    trusts: side.authorities && trusts(side.authorities),
  };
}
