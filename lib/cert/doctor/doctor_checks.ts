import { platform } from "../../runtime/platform.ts";
import { chainProblem } from "./doctor_chain.ts";
import { authorityName, type Examined, printable, subjectOf } from "./doctor_certificate.ts";
import { command } from "../cli/command_line.ts";
import { kindOf, reissueCure } from "./doctor_cures.ts";
import type { Finding, FindingCode, Severity } from "./doctor_finding.ts";
import { type DoctorSide, folderOf } from "./doctor_side.ts";

const msPerDay = 86_400_000;
/** Signatures that TLS 1.3 and the transport know; by number of the algorithm. */
const weakSignature = /sha1|md5/i;

/** What is wrong with one peer by itself, whoever the other one is. */
export async function ownFindings(side: DoctorSide, now: number): Promise<Finding[]> {
  return [
    ...side.findings,
    ...dateFindings(side, now),
    ...useFindings(side),
    ...algorithmFindings(side),
    ...keyFindings(side),
    ...await fileFindings(side),
    ...authorityFindings(side, now),
  ];
}

function dateFindings(side: DoctorSide, now: number): Finding[] {
  const { notBefore, notAfter } = side.leaf.info;
  const [begin, end] = [notBefore.getTime(), notAfter.getTime()];
  const cure = reissueCure(side);
  if (now > end) {
    return [error(side, "expired", {
      what: `${theCertificate(side)} has expired on ${notAfter.toISOString()}`,
      why: "every peer whose clock is right refuses it",
      cure,
    })];
  }
  if (now < begin) {
    return [error(side, "notYetValid", {
      what: `${theCertificate(side)} is not valid before ${notBefore.toISOString()}, ` +
        `and this clock says ${new Date(now).toISOString()}`,
      why: "every peer whose clock says so too refuses it",
      cure: "set the clocks of this machine and of the one that issued it (timedatectl)",
    })];
  }
  const left = end - now;
  // A short life is no fault: a third of it must have been left unused as well.
  if (left > 7 * msPerDay || left > (end - begin) / 3) return [];
  return [warning(side, "expiresSoon", {
    what: `${theCertificate(side)} expires in ${duration(left)}, on ${notAfter.toISOString()}`,
    why: "from then on every peer refuses it",
    cure,
  })];
}

/** Class, usages and names. */
function useFindings(side: DoctorSide): Finding[] {
  const { info, classes } = side.leaf;
  const kind = kindOf(side.leaf);
  const cure = reissueCure(side, { kind });
  if (info.isAuthority) {
    return [error(side, "leafIsAuthority", {
      what: `${theCertificate(side)} is that of an authority`,
      why: "an authority signs certificates; whoever connects with one is refused",
      cure,
    })];
  }
  const findings: Finding[] = [];
  if (classes.length !== 1) {
    const names = printable(classes.map(({ kind, name }) => `${kind} ${name}`).join(" and "));
    findings.push(error(side, "noIdentity", {
      what: classes.length === 0
        ? `${theCertificate(side)} has no name spiffe://.../node/... or .../client/...` +
          (info.uris.length > 0 ? ` (it has ${printable(info.uris.join(", "))})` : "")
        : `${theCertificate(side)} says that it is ${names}`,
      why: "that name makes its holder a node or a client, and it must be one of them",
      cure,
    }));
  }
  const needed = kind === "node" ? ["serverAuth", "clientAuth"] : ["clientAuth"];
  const lacking = needed.filter((purpose) => !info.purposes.includes(purpose));
  if (lacking.length > 0) {
    findings.push(error(side, "wrongPurpose", {
      what: `${theCertificate(side)} lacks the extended key usage ${lacking.join(" and ")}`,
      why: lacking.includes("clientAuth")
        ? "whom it dials refuses it as a client's certificate"
        : "whoever dials it refuses it as a server's certificate",
      cure,
    }));
  }
  if (info.keyUsages.length > 0 && !info.keyUsages.includes("digitalSignature")) {
    findings.push(error(side, "wrongKeyUsage", {
      what: `${theCertificate(side)} lacks the key usage digitalSignature ` +
        `(it has ${info.keyUsages.join(", ")})`,
      why: "TLS 1.3 proves who one is with a signature",
      cure,
    }));
  }
  if (kind === "node" && info.dnsNames.length + info.ipAddresses.length === 0) {
    findings.push(error(side, "noHost", {
      what: `${theCertificate(side)} covers no host name and no address`,
      why: "whoever dials the node checks the host that it has dialled",
      cure,
    }));
  }
  return findings;
}

function algorithmFindings(side: DoctorSide): Finding[] {
  const { leaf } = side;
  const findings: Finding[] = [];
  if (leaf.strangeExtensions.length > 0) {
    findings.push(error(side, "unknownCriticalExtension", {
      what: `${theCertificate(side)} has the critical extension ${leaf.strangeExtensions[0]}`,
      why: "whoever does not know a critical extension must refuse the certificate",
      cure: reissueCure(side),
    }));
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = leaf.x509.publicKey;
  const bits = details?.modulusLength;
  const weakKey = type === "rsa" && bits !== undefined && bits < 2_048;
  if (weakKey || weakSignature.test(leaf.info.algorithm) || weakOids.test(leaf.info.algorithm)) {
    findings.push(error(side, "weakAlgorithm", {
      what: `${theCertificate(side)} uses ${
        weakKey ? `RSA with ${bits} bits` : leaf.info.algorithm
      }`,
      why: "TLS 1.3 and Deno refuse such a key or signature",
      cure: reissueCure(side),
    }));
  }
  return findings;
}

/** sha1WithRSAEncryption, md5WithRSAEncryption, ecdsa-with-SHA1. */
const weakOids = /1\.2\.840\.113549\.1\.1\.[45](?!\d)|1\.2\.840\.10045\.4\.1(?!\d)/;

function keyFindings(side: DoctorSide): Finding[] {
  if (side.key === undefined || side.leaf.x509.checkPrivateKey(side.key)) return [];
  return [error(side, "keyMismatch", {
    what: `${side.keyFile} is not the key of ${side.certFile}`,
    why: "it does not start; certificate and key are from different runs",
    cure: reissueCure(side),
  })];
}

/** What lies beside the certificate, and who may read it. */
async function fileFindings(side: DoctorSide): Promise<Finding[]> {
  if (side.certFile === undefined) return [];
  const findings: Finding[] = [];
  const mode = side.keyFile === undefined
    ? null
    : (await platform.files.stat(side.keyFile).catch(() => ({ mode: null }))).mode;
  // Windows has no mode.
  if (mode !== null && (mode & 0o077) !== 0) {
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    findings.push(error(side, "openKeyFile", {
      what: `${side.keyFile} can be read by others than its owner (mode ${octal})`,
      why: "whoever reads it can be this peer; it does not start unless allowOpenKeyFile is set",
      cure: `chmod 600 ${side.keyFile}`,
    }));
  }
  const folder = folderOf(side.certFile);
  if (await platform.files.exists(`${folder}/ca.key`)) {
    findings.push(warning(side, "authorityKeyHere", {
      what: `the authority's key lies in ${folder}, beside the certificate of ` +
        subjectOf(side.leaf),
      why: "whoever breaks into that node can make members of the cluster",
      cure: `mkdir -m 700 ${folder}/ca && mv ${folder}/ca.key ${folder}/ca/ && ` +
        `cp ${folder}/ca.crt ${folder}/ca/`,
    }));
  }
  return findings;
}

/** The authorities that it trusts, and whether it trusts itself: it does not start otherwise. */
function authorityFindings(side: DoctorSide, now: number): Finding[] {
  const { authorities, caFile } = side;
  if (authorities === undefined) return [];
  const findings: Finding[] = [];
  for (const authority of authorities) {
    if (authority.info.isAuthority) continue;
    findings.push(error(side, "badAuthority", {
      what: `${caFile} holds the certificate of ${subjectOf(authority)}, which is no authority`,
      why: "only authorities may stand there; it does not start",
      cure: `take it out of ${caFile}`,
    }));
  }
  const problem = chainProblem(side.leaf, side.intermediates, authorities, now);
  // Another fault of an authority is told where the other peer is asked; so is expiry.
  if (problem === undefined || findings.length > 0) return findings;
  findings.push(error(side, "untrustedBySelf", {
    what: `${theCertificate(side)} does not satisfy its own ${caFile}: ${problem.what}`,
    why: "it does not start with such a pair of files",
    cure: problem.blame === "authority"
      ? command("rotate-ca", "begin", "WORKSPACE")
      : reissueCure(side),
  }));
  return findings;
}

/** `"the certificate of node node-1"`. */
export function theCertificate({ leaf }: DoctorSide): string {
  return `the certificate of ${subjectOf(leaf)}`;
}

/** Whom a peer trusts, for people. */
export function trusts(authorities: readonly Examined[]): string {
  return authorities.map(authorityName).join(", ");
}

/** A finding of severity `error`. */
export function error(
  side: DoctorSide,
  code: FindingCode,
  text: Pick<Finding, "what" | "why" | "cure">,
): Finding {
  return { severity: "error", code, about: side.label, ...text };
}

/** A finding of severity `warning`. */
export function warning(
  side: DoctorSide,
  code: FindingCode,
  text: Pick<Finding, "what" | "why" | "cure">,
): Finding {
  const severity: Severity = "warning";
  return { severity, code, about: side.label, ...text };
}

function duration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return `${Math.floor(ms / 60_000)} minutes`;
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}
