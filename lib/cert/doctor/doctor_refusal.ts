import { type CertificateReading, isoTime } from "../../x509/certificate.ts";
import { issuedBy } from "../../x509/chain.ts";
import { authorityName, printable } from "./doctor_certificate.ts";
import { error, theCertificate } from "./doctor_checks.ts";
import { command } from "../tool_command.ts";
import type { Finding } from "./doctor_finding.ts";
import type { DoctorSide } from "./doctor_side.ts";

/** Meanings of TLS alerts. Deno's own listener sends none. */
const alerts: Readonly<Record<string, string>> = {
  UnknownCA: "it does not trust the authority of our certificate",
  CertificateExpired: "its clock says that our certificate has expired",
  CertificateRevoked: "our certificate is on its revocation list",
  CertificateRequired: "it has seen no certificate of ours",
  CertificateUnknown: "it does not accept our certificate, for a reason that it keeps",
  BadCertificate: "it cannot read our certificate, or its signature is wrong",
  UnsupportedCertificate: "our certificate is of a kind that it does not take",
  AccessDenied: "our certificate is fine, but not on its list",
  DecryptError: "our signature or certificate does not verify",
};

/**
 * The peer has ended the connection after our side of the handshake was done. It does not say why,
 * so the known facts about both are compared with the checks of a node, in that order.
 */
export function refusedByPeer(
  own: DoctorSide,
  peer: DoctorSide | undefined,
  address: string,
  alert: string | undefined,
  findings: readonly Finding[],
): Finding {
  const said = alert === undefined ? "without a word" : `with the TLS alert ${printable(alert)}`;
  return {
    ...error(own, "refusedByPeer", {
      what: `${address} has refused ${theCertificate(own)}: it ended the connection ${said} ` +
        "when it had seen it",
      why: "with TLS 1.3 the side that dials is done first; an end right after that is the " +
        "other side's refusal",
      remedy:
        `read the reason in the log of that node ("refused"), or run where both folders are: ${
          command("doctor", own.source, "ITS_FOLDER")
        }`,
    }),
    reasons: reasons(own, peer, alert, findings),
  };
}

function reasons(
  own: DoctorSide,
  peer: DoctorSide | undefined,
  alert: string | undefined,
  findings: readonly Finding[],
): string[] {
  const list: string[] = [];
  if (alert !== undefined && alerts[alert] !== undefined) list.push(alerts[alert]);
  for (const { about, severity, what, code } of findings) {
    // Only findings that the peer can see in the handshake: not the modes of our files.
    if (about !== own.label || severity !== "error") continue;
    if (code !== "openKeyFile" && code !== "untrusted") list.push(what);
  }
  const issuer = issuerOf(own.leaf, own);
  const other = peer === undefined ? undefined : issuerOf(peer.leaf, own);
  const name = issuer === undefined ? "the authority of our certificate" : authorityName(issuer);
  const differs = issuer !== undefined && other !== undefined && issuer !== other;
  list.push(
    differs
      ? `it is of ${authorityName(other)}, and its ca.crt does not trust ${name}, of which we are`
      : `its ca.crt does not trust ${name}: it is of another set, or from before a rotation`,
    "our certificate is on its revocation list or deny list, or its authorize hook says no",
    `its clock is outside ${isoTime(own.leaf.notBefore)} to ${isoTime(own.leaf.notAfter)}`,
    "it has reached a limit (maxConnections, maxConnectionsPerAddress, ...), or shuts down",
  );
  return list;
}

function issuerOf(
  leaf: CertificateReading,
  { authorities = [] }: DoctorSide,
): CertificateReading | undefined {
  return authorities.find((authority) => issuedBy(leaf, authority));
}
