import type { DoctorReport } from "./doctor.ts";
import { printable, visible } from "./doctor_certificate.ts";
import type { Finding } from "./doctor_finding.ts";

const verdicts: Readonly<Record<DoctorReport["verdict"], string>> = {
  accepted: "They accept each other.",
  refused: "They do not connect.",
  unknown: "Nothing speaks against it, but not everything could be checked.",
};

/** A report for people. */
export function doctorText(report: DoctorReport): string {
  const peers = report.peers.map((peer) => {
    const until = `${peer.notBefore.toISOString()} to ${peer.notAfter.toISOString()}`;
    const rows = [
      `${peer.label}  ${peer.source}: ${printable(peer.subject)}`,
      `   valid ${until}, SHA-256 ${peer.fingerprint.slice(0, 16)}...`,
    ];
    if (peer.hosts.length > 0) rows.push(`   covers ${printable(peer.hosts.join(", "))}`);
    if (peer.trusts !== undefined) rows.push(`   trusts ${printable(peer.trusts)}`);
    return rows.join("\n");
  });
  const findings = report.findings.map(findingText);
  const unchecked = report.unchecked.map((what) => `not checked: ${what}`);
  return [...peers, ...findings, ...unchecked, verdictOf(report)].join("\n\n") + "\n";
}

/** A report for programs: times in ISO 8601, the rest as in `DoctorReport`. */
export function doctorJson(report: DoctorReport): string {
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

/** 0 when all is well, 1 when there is something to do or to find out. */
export function doctorExitCode({ verdict, findings }: DoctorReport): 0 | 1 {
  return verdict === "accepted" && findings.length === 0 ? 0 : 1;
}

function findingText(finding: Finding, index: number): string {
  const { severity, about, what, why, remedy, otherRemedy, reasons = [] } = finding;
  const rows = [
    `${index + 1}. ${severity.toUpperCase()} (${about})  ${visible(what)}`,
    `   why     ${visible(why)}`,
    ...reasons.map((reason, at) => `   ${at === 0 ? "maybe" : "or   "}   ${visible(reason)}`),
    `   remedy  ${visible(remedy)}`,
  ];
  if (otherRemedy !== undefined) rows.push(`   or      ${visible(otherRemedy)}`);
  return rows.join("\n");
}

function verdictOf({ verdict, findings }: DoctorReport): string {
  const count = findings.length;
  if (count === 0) return verdicts[verdict];
  return `${verdicts[verdict]} ${count} ${count === 1 ? "finding" : "findings"}.`;
}
