import { platform } from "../../runtime/platform.ts";
import { type CertificateReading, isoTime } from "../../x509/certificate.ts";
import type { CertificateFault } from "../../x509/certificate_fault.ts";
import { bundleFault, judgeChain, judgeLeaf } from "../../x509/judge.ts";
import { isKeyPair } from "../../x509/signature.ts";
import { command } from "../tool_command.ts";
import { authorityName, subjectOf } from "./doctor_certificate.ts";
import { kindOf, reissueRemedy } from "./doctor_remedies.ts";
import type { Finding, FindingCode, Severity } from "./doctor_finding.ts";
import { type DoctorSide, folderOf } from "./doctor_side.ts";

const msPerDay = 86_400_000;
/** A bundle may hold hundreds. */
const maxShownAuthorities = 5;

/** Findings about one peer alone. */
export async function ownFindings(side: DoctorSide, now: number): Promise<Finding[]> {
  return [
    ...side.findings,
    ...leafFindings(side, now),
    ...expiryFindings(side, now),
    ...keyFindings(side),
    ...await fileFindings(side),
    ...authorityFindings(side, now),
  ];
}

/** Why a peer refuses each fault. */
const reasons: Partial<Record<CertificateFault, string>> = {
  expired: "every peer whose clock is right refuses it",
  notYetValid: "every peer whose clock says so too refuses it",
  noIdentity: "that name makes its holder a node or a client, and it must be one of them",
  noHost: "a peer that dials the node checks the host that it has dialled",
  unknownCriticalExtension: "a critical extension that is not known must be refused (RFC 5280)",
  weakKey: "TLS 1.3 and Deno refuse such a key",
  weakSignature: "TLS 1.3 and Deno refuse such a signature",
  unsupportedAlgorithm: "TLS on Deno cannot verify it, and every peer refuses it",
};

/** Faults of the certificate of one peer, without its chain. */
function leafFindings(side: DoctorSide, now: number): Finding[] {
  const { leaf } = side;
  const kind = kindOf(side);
  const faults = judgeLeaf({ leaf, now, mapper: side.mapper });
  // The certificate of an authority lacks all that one of a node has.
  const shown = leaf.isAuthority
    ? faults.filter(({ fault, problem }) => {
      return fault !== "noIdentity" && fault !== "noHost" && !problem.startsWith("lacks");
    })
    : faults;
  return shown.map(({ fault, problem, remedy }) => {
    const clock = fault === "notYetValid";
    return error(side, fault, {
      what: `${theCertificate(side)} ${problem}` +
        (clock ? `, and it is ${isoTime(now)} here` : ""),
      why: reasons[fault] ?? "every peer refuses it",
      remedy: clock
        ? "set the clocks of this machine and of the one that issued it (timedatectl)"
        : fault === "noIdentity" || leaf.isAuthority
        ? remedy
        : reissueRemedy(side, { kind }),
    });
  });
}

function expiryFindings(side: DoctorSide, now: number): Finding[] {
  const { notBefore, notAfter } = side.leaf;
  const left = notAfter - now;
  if (left < 0 || now < notBefore) return [];
  // A short validity is no fault: a third of it must have been left unused as well.
  if (left > 7 * msPerDay || left > (notAfter - notBefore) / 3) return [];
  return [warning(side, "expiresSoon", {
    what: `${theCertificate(side)} expires in ${duration(left)}, on ${isoTime(notAfter)}`,
    why: "from then on every peer refuses it",
    remedy: reissueRemedy(side),
  })];
}

function keyFindings(side: DoctorSide): Finding[] {
  if (side.key === undefined || isKeyPair(side.key, side.leaf.key)) return [];
  return [error(side, "keyMismatch", {
    what: `${side.keyFile} is not the key of ${side.certFile}`,
    why: "it does not start; certificate and key are from different runs",
    remedy: reissueRemedy(side),
  })];
}

/** Findings about the files beside the certificate and their permissions. */
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
      why:
        "a reader of the key can pose as this peer; it does not start unless allowOpenKeyFile is set",
      remedy: `chmod 600 ${side.keyFile}`,
    }));
  }
  const folder = folderOf(side.certFile);
  if (await platform.files.exists(`${folder}/ca.key`)) {
    findings.push(warning(side, "authorityKeyHere", {
      what: `the authority's key lies in ${folder}, beside the certificate of ` +
        subjectOf(side),
      why: "an intruder on that node can issue certificates for members of the cluster",
      remedy: `mkdir -m 700 ${folder}/ca && mv ${folder}/ca.key ${folder}/ca/ && ` +
        `cp ${folder}/ca.crt ${folder}/ca/`,
    }));
  }
  return findings;
}

/** The authorities that it trusts, and whether it trusts itself: it does not start otherwise. */
function authorityFindings(side: DoctorSide, now: number): Finding[] {
  const { authorities, caFile, leaf, intermediates } = side;
  if (authorities === undefined) return [];
  const bundle = bundleFault(authorities);
  if (bundle !== undefined) {
    return [error(side, bundle.fault, {
      what: `${caFile} holds a certificate that ${bundle.problem}`,
      why: "only authorities may stand there; it does not start",
      remedy: `take it out of ${caFile}`,
    })];
  }
  if (leaf.signatureAlgorithm.fault !== undefined) return [];
  const chain = judgeChain({ leaf, intermediates, authorities, now });
  if (!("fault" in chain)) return [];
  return [error(side, chain.fault, {
    what: `${theCertificate(side)} does not satisfy its own ${caFile}: it ${chain.problem}`,
    why: "it does not start with such a pair of files",
    remedy: chain.blame === "authority"
      ? command("rotate-ca", "begin", "WORKSPACE")
      : chain.fault === "untrusted"
      ? reissueRemedy(side)
      : chain.remedy,
  })];
}

/** `"the certificate of node node-1"`. */
export function theCertificate(side: DoctorSide): string {
  return `the certificate of ${subjectOf(side)}`;
}

/** The authorities that a peer trusts, for people. */
export function trusts(authorities: readonly CertificateReading[]): string {
  const shown = authorities.slice(0, maxShownAuthorities).map(authorityName).join(", ");
  const more = authorities.length - maxShownAuthorities;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** A finding of severity `error`. */
export function error(
  side: DoctorSide,
  code: FindingCode,
  text: Pick<Finding, "what" | "why" | "remedy">,
): Finding {
  return { severity: "error", code, about: side.label, ...text };
}

/** A finding of severity `warning`. */
export function warning(
  side: DoctorSide,
  code: FindingCode,
  text: Pick<Finding, "what" | "why" | "remedy">,
): Finding {
  const severity: Severity = "warning";
  return { severity, code, about: side.label, ...text };
}

function duration(ms: number): string {
  const hours = Math.floor(ms / 3_600_000);
  if (hours < 1) return `${Math.floor(ms / 60_000)} minutes`;
  return hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
}
