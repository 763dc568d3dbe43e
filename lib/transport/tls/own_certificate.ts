import type { TlsMaterial } from "../../runtime/network.ts";
import { describeCertificate, isMissing } from "../../x509/identity.ts";
import { judge } from "../../x509/judge.ts";
import { canonicalHost, coversHost, listHosts } from "../../x509/host_names.ts";
import type { HolderIdentity } from "../base/peer.ts";
import { TransportError } from "../base/errors.ts";
import { prepareMaterial } from "./tls_material.ts";
import { certTool } from "../../runtime/cert_tool.ts";

/**
 * Checks that a node can run with its own certificate under an address with this host, before a
 * port is open: otherwise the node starts, and every peer refuses it.
 *
 * @throws {TransportError} codes `badTlsMaterial`, `notNodeCertificate` and `ownHostNotCovered`.
 */
export function checkOwnCertificate(tls: TlsMaterial, host: string, wallTime: number): void {
  const { own, intermediates, authorities, identity, mapper } = prepareMaterial(tls);
  const subject = describeCertificate(own);
  if (isMissing(identity)) {
    throw new TransportError(
      "notNodeCertificate",
      `this node's own certificate (${subject}) ${identity.problem}`,
      { value: subject, remedy: identity.remedy },
    );
  }
  if (identity.kind !== "node") {
    throw new TransportError(
      "notNodeCertificate",
      `this node's own certificate is that of ${identity.kind} ${identity.name}, and a node needs one for ` +
        "nodes (with serverAuth and clientAuth)",
      {
        value: subject,
        remedy:
          `issue one with ${certTool} create-node, or use the certificate with ClusterClient; ` +
          "with the option identity of TlsConfig, check the pattern of clients that it matches",
      },
    );
  }
  // What was not loaded by `TlsConfig` is not judged yet. Peers trust the same authorities as this node.
  const verdict = judge({ leaf: own, intermediates, authorities, now: wallTime, mapper });
  if (!verdict.accepted) {
    const problem = `this node's own certificate (${subject}) ${verdict.problem}`;
    throw new TransportError("badTlsMaterial", problem, { value: subject, remedy: verdict.remedy });
  }
  if (coversHost(own.hosts, host)) return;
  const ascii = canonicalHost(host);
  const shown = ascii === host ? host : `${host} (${ascii})`;
  throw new TransportError(
    "ownHostNotCovered",
    `this node's own certificate does not cover its host ${shown} but ${listHosts(own.hosts)}, ` +
      "so that no peer would accept it",
    {
      value: host,
      remedy:
        `issue one that names ${ascii} (${certTool} create-node ${ascii} ...), or set host or ` +
        "advertisedHost to a name that it covers; bindHost is the interface and needs no certificate",
    },
  );
}

/** Whom this end's own certificate names. What is wrong with one is explained by the first dial. */
export function ownHolder(tls: TlsMaterial | undefined): HolderIdentity {
  if (tls === undefined) return { kind: "plain" };
  try {
    const { identity } = prepareMaterial(tls);
    return isMissing(identity) ? { kind: "plain" } : identity;
  } catch {
    return { kind: "plain" };
  }
}

/**
 * Whom the own certificate of a node that runs names, such as `node node-1`, and the end of its validity,
 * Unix time in milliseconds.
 */
export function ownCertificate(
  tls: TlsMaterial,
): { readonly identity: string; readonly notAfter: number } {
  const { identity, own } = prepareMaterial(tls);
  const named = isMissing(identity)
    ? describeCertificate(own)
    : `${identity.kind} ${identity.name}`;
  return { identity: named, notAfter: own.notAfter };
}
