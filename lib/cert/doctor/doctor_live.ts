import { resolveOptions } from "../../options/check_options.ts";
import { liveDoctorTable } from "../../options/tables/cert_tables.ts";
import {
  type DoctorReport,
  domainFindings,
  hostFindings,
  pairFindings,
  reportOf,
  viewFindings,
} from "./doctor.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import { maxChainLength } from "../../x509/chain.ts";
import { identityMapper } from "../../x509/identity_mapping.ts";
import type { IdentityMapper } from "../../x509/identity.ts";
import type { IdentityMapping } from "../../runtime/identity_mapping.ts";
import { chainText } from "../../x509/key_pair.ts";
import { encodePem } from "../../x509/pem.ts";
import { parseCertificate } from "../authority/certificate_info.ts";
import { identityOfSide, printable, subjectOf } from "./doctor_certificate.ts";
import { error, ownFindings, theCertificate, trusts, warning } from "./doctor_checks.ts";
import { command } from "../tool_command.ts";
import {
  type Chain,
  type DialOutcome,
  type DialTarget,
  lookAt,
  shakeHands,
} from "../../x509/peer_look.ts";
import type { Finding } from "./doctor_finding.ts";
import { refusedByPeer } from "./doctor_refusal.ts";
import { type DoctorSide, readSide } from "./doctor_side.ts";
import { CertError } from "../errors.ts";
import { parseHostName } from "../authority/host_name.ts";

/** Options for the examination of a live peer. */
export interface LiveDoctorOptions {
  /** Host that is dialled. */
  readonly host: string;
  /** 1 to 65 535. */
  readonly port: number;
  /** Host that the peer's certificate must cover, behind a tunnel or a map. Default: `host`. */
  readonly serverName?: string;
  /** Milliseconds until the TLS handshake must be done. Default 5 000. */
  readonly timeout?: number;
  /** Milliseconds that the peer may take to refuse our certificate. Default 1 000. */
  readonly refusalTimeout?: number;
  /** The option `identity` of `TlsConfig`, with which both peers run. Default: without it. */
  readonly identity?: IdentityMapping;
}

/**
 * Dials a live peer with the files of a node or client, and reports the peer's certificate, the
 * result of the handshake and its cause. Sends no data; a node of Casty logs a closed connection,
 * and a rejected one without a certificate.
 *
 * @throws {CertError} codes as {@linkcode diagnose}.
 *
 * @example
 * ```ts
 * import { diagnosePeer, initWorkspace } from "@casty/casty/cert";
 *
 * const certs = await Deno.makeTempDir();
 * await initWorkspace(certs, { nodes: 1, clients: [] });
 * const report = await diagnosePeer(`${certs}/node-1`, { host: "127.0.0.1", port: 1 });
 * console.assert(report.findings[0]?.code === "unreachable");
 * await Deno.remove(certs, { recursive: true });
 * ```
 */
export async function diagnosePeer(
  source: string,
  options: LiveDoctorOptions,
): Promise<DoctorReport> {
  const { host, port, timeout, refusalTimeout, ...named } = resolveOptions(
    liveDoctorTable,
    options,
  );
  const { serverName = host } = named;
  const name = parseHostName(serverName).text;
  const target = { host, port, timeout, refusalTimeout };
  const mapper = identityMapper(options.identity);
  const own = await readSide("A", source, mapper);
  const now = Date.now();
  const findings = await ownFindings(own, now);
  const material = materialOf(own, findings);
  const ca = bundleOf(own);
  const outcome = ca === undefined
    ? await lookAt(target)
    : await shakeHands(target, { ...material, ca });
  const chain = "chain" in outcome ? outcome.chain : await shownChain(outcome, target);
  const peer = chain === undefined ? undefined : peerSide(chain, addressOf(target), mapper);
  if (peer !== undefined) findings.push(...await peerFindings(own, peer, name, now));
  const unchecked: string[] = [];
  if (material === undefined) {
    unchecked.push("whether B accepts A: the files of A cannot be used, see above");
  } else {
    findings.push(...await outcomeFindings(own, peer, outcome, { target, findings, ca: ca! }));
    if (outcome.kind === "rejected") {
      unchecked.push("whether B accepts A: A refuses B before B can say");
    }
  }
  const report = reportOf(peer === undefined ? [own] : [own, peer], findings);
  if (unchecked.length === 0) return report;
  const verdict = report.verdict === "accepted" ? "unknown" : report.verdict;
  return { ...report, verdict, unchecked: [...report.unchecked, ...unchecked] };
}

/** The authorities that our side trusts, as PEM; undefined where they are not known. */
function bundleOf({ authorities }: DoctorSide): string | undefined {
  return authorities?.map(({ der }) => encodePem("CERTIFICATE", der)).join("");
}

/** PEM texts with which node:tls can dial; undefined where it would fail or accept every peer. */
function materialOf(
  { leaf, intermediates, key, authorities }: DoctorSide,
  findings: readonly Finding[],
): { cert: string; key: string } | undefined {
  const usable = !findings.some(({ code }) => code === "keyMismatch");
  if (!usable || key === undefined || authorities === undefined) return undefined;
  return {
    cert: chainText({ leaf, intermediates }, maxChainLength),
    key: String(key.export({ type: "pkcs8", format: "pem" })),
  };
}

/** The certificate of a peer that our side has rejected. */
async function shownChain(outcome: DialOutcome, target: DialTarget): Promise<Chain | undefined> {
  if (outcome.kind !== "rejected") return undefined;
  const seen = await lookAt(target);
  return "chain" in seen ? seen.chain : undefined;
}

function peerSide(
  chain: Chain,
  source: string,
  mapper: IdentityMapper,
): DoctorSide | undefined {
  let shown: CertificateReading[];
  try {
    shown = chain.map(parseCertificate);
  } catch (cause) {
    throw new CertError("malformed", `a certificate that ${source} shows cannot be read`, {
      value: source,
      cause,
      remedy: "have it issued anew",
    });
  }
  const [leaf, ...intermediates] = shown;
  if (leaf === undefined) return undefined;
  return {
    label: "B",
    source,
    certFile: undefined,
    leaf,
    mapper,
    intermediates,
    keyFile: undefined,
    key: undefined,
    caFile: undefined,
    authorityDir: undefined,
    authorities: undefined,
    crlFile: undefined,
    crl: [],
    findings: [],
  };
}

async function peerFindings(
  own: DoctorSide,
  peer: DoctorSide,
  name: string,
  now: number,
): Promise<Finding[]> {
  const findings = [
    ...await ownFindings(peer, now),
    ...pairFindings(own, peer),
    ...viewFindings(own, peer, { now }),
    ...domainFindings(own, peer),
    ...hostFindings(peer, name),
  ];
  const kind = identityOfSide(peer)?.kind;
  if (kind === undefined || kind === "node") return findings;
  findings.push(error(peer, "wrongRole", {
    what: `${theCertificate(peer)} is that of ${
      kind === "client" ? "a client" : "an admin"
    }, and it listens`,
    why: "a peer that dials a node refuses every certificate but a node's",
    remedy: command("create-node", name, "--ca-dir", "CA_FOLDER", "--out", "ITS_FOLDER"),
  }));
  return findings;
}

async function outcomeFindings(
  own: DoctorSide,
  peer: DoctorSide | undefined,
  outcome: DialOutcome,
  { target, findings, ca }: {
    readonly target: DialTarget;
    readonly findings: readonly Finding[];
    readonly ca: string;
  },
): Promise<Finding[]> {
  const address = addressOf(target);
  switch (outcome.kind) {
    case "unreachable":
      return [unreachable(own, address, outcome.reason)];
    case "noHandshake":
      return [noHandshake(own, address, outcome.reason)];
    case "rejected":
      if (findings.some(({ code, about }) => about === "B" || code === "untrusted")) return [];
      return [error(own, "handshakeFailed", {
        what: `Deno does not accept the certificate of ${address}: ${printable(outcome.reason)}`,
        why: `A trusts ${trusts(own.authorities ?? [])}, and no other`,
        remedy:
          `compare ${own.caFile} with the ca.crt that the peer's certificate was issued under`,
      })];
    case "closed":
      return [refusedByPeer(own, peer, address, outcome.alert, findings)];
    case "open":
      return await anonymousFindings(peer, target, ca);
  }
}

/** A peer that accepts connections without a certificate works in every other respect. */
async function anonymousFindings(
  peer: DoctorSide | undefined,
  target: DialTarget,
  ca: string,
): Promise<Finding[]> {
  const { kind } = await shakeHands(target, { ca });
  if (peer === undefined || kind !== "open") return [];
  return [warning(peer, "clientsNotVerified", {
    what: `${addressOf(target)} (${subjectOf(peer)}) does not refuse a peer that shows no ` +
      `certificate within ${target.refusalTimeout} ms`,
    why: "if it is a node, anybody who reaches the port can talk to it",
    remedy: "check that it is a node of Casty with `tls` set, and not a proxy before it",
  })];
}

function unreachable(own: DoctorSide, address: string, reason: string): Finding {
  const remedy = /ENOTFOUND|EAI_AGAIN/.test(reason)
    ? "check the spelling of the host and the name service, or dial an IP address"
    : /ECONNREFUSED/.test(reason)
    ? "start the node there, or check its port and bindHost"
    : "check the address, the route and the firewall";
  return error(own, "unreachable", {
    what: `${address} cannot be reached: ${printable(reason)}`,
    why: "no certificate was looked at: this is about the network",
    remedy,
  });
}

function noHandshake(own: DoctorSide, address: string, reason: string): Finding {
  if (/ProtocolVersion|SupportedVersions/i.test(reason)) {
    return error(own, "handshakeFailed", {
      what: `${address} does not speak TLS 1.3`,
      why: "nodes of Casty speak nothing older",
      remedy: "check that a node listens there, and not a proxy that ends TLS before it",
    });
  }
  if (/closed the connection|ECONNRESET|EPIPE/.test(reason)) {
    return error(own, "handshakeFailed", {
      what: `${address} ended the connection before the TLS handshake was done`,
      why: "a node does so at a limit of connections or handshakes, when this address dials too " +
        "often, and while it shuts down; so does what speaks no TLS",
      remedy: "try again; if it lasts, read the log of that node and check the port",
    });
  }
  return error(own, "notTls", {
    what: `${address} does not speak TLS: ${printable(reason)}`,
    why: "something listens there, but no node with certificates",
    remedy: "check the port, and that the node there has `tls` set",
  });
}

function addressOf({ host, port }: DialTarget): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}
