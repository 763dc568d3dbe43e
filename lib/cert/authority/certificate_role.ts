import { BitString, OctetString } from "asn1js";
import { AltName, BasicConstraints, type Extension, ExtKeyUsage, GeneralName } from "pkijs";
import { extension } from "./certificate_builder.ts";
import type { HostName } from "../../x509/host_names.ts";
import type { CertificateClass } from "../../x509/identity.ts";

const oid = {
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
};

/** Bits of the key usage extension, with the count of unused bits. */
const usageBits = {
  /** keyCertSign and cRLSign. */
  authority: { bits: 0b0000_0110, unused: 1 },
  /** digitalSignature; neither EC nor Ed25519 keys encipher keys. */
  leaf: { bits: 0b1000_0000, unused: 7 },
};

/**
 * Extensions of an authority's certificate: for leaves only, not for further authorities. With
 * `domain` it carries the trust domain of the certificates that it issues.
 */
export function authorityExtensions(domain?: string): Extension[] {
  const constraints = new BasicConstraints({ cA: true, pathLenConstraint: 0 });
  return [
    extension(oid.basicConstraints, true, constraints.toSchema().toBER()),
    keyUsage(usageBits.authority),
    ...(domain === undefined ? [] : [trustDomain(domain)]),
  ];
}

/** Extensions of the certificate of a node, client or admin. */
export function leafExtensions(
  role: CertificateClass,
  hosts: readonly HostName[],
  uri: string,
): Extension[] {
  const keyPurposes = role === "node" ? [oid.serverAuth, oid.clientAuth] : [oid.clientAuth];
  const altNames = [...hosts.map(altName), new GeneralName({ type: 6, value: uri })];
  return [
    extension(oid.basicConstraints, true, new BasicConstraints({ cA: false }).toSchema().toBER()),
    keyUsage(usageBits.leaf),
    extension(oid.extKeyUsage, false, new ExtKeyUsage({ keyPurposes }).toSchema().toBER()),
    extension(oid.subjectAltName, false, new AltName({ altNames }).toSchema().toBER()),
  ];
}

function trustDomain(domain: string): Extension {
  const altNames = [new GeneralName({ type: 6, value: `spiffe://${domain}` })];
  return extension(oid.subjectAltName, false, new AltName({ altNames }).toSchema().toBER());
}

function keyUsage({ bits, unused }: { bits: number; unused: number }): Extension {
  const value = new BitString({ valueHex: Uint8Array.of(bits).buffer, unusedBits: unused });
  return extension(oid.keyUsage, true, value.toBER());
}

function altName(host: HostName): GeneralName {
  if (host.kind === "dns") return new GeneralName({ type: 2, value: host.text });
  const valueHex = Uint8Array.from(host.bytes).buffer;
  return new GeneralName({ type: 7, value: new OctetString({ valueHex }) });
}
