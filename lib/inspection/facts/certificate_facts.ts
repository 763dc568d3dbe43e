import type { ExtensionContext } from "../../cluster/node/node_extension.ts";
import { nodeInternalsOf } from "../../node_internals.ts";
import { TlsConfig } from "../../transport/tls/tls_config.ts";
import type { FactReader } from "../inspection.ts";

/** A certificate that is in use. */
export interface CertificateFact {
  /** `own`, or the address of the peer that has proved it. */
  readonly of: string;
  readonly kind: "node" | "client" | "admin";
  readonly name: string;
  /** DNS names and IP addresses in it. */
  readonly hosts: readonly string[];
  /** End of validity, milliseconds since the Unix epoch; 0: not known. */
  readonly notAfter: number;
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
}

/** The certificates that a node knows. */
export interface CertificateFacts {
  /** Whether its connections are encrypted. */
  readonly tls: boolean;
  readonly certificates: readonly CertificateFact[];
}

const maxCertificates = 500;
const maxHosts = 20;

/** Reads {@linkcode CertificateFacts}: its own, and those of connected peers. */
export function certificateFacts({ system }: ExtensionContext): FactReader {
  return (): CertificateFacts => {
    const { tls, remoting } = nodeInternalsOf(system)!;
    const found = new Map<string, CertificateFact>();
    if (tls instanceof TlsConfig) {
      const { kind, name, uri, hosts, notAfter, fingerprint } = tls;
      const own = { of: "own", kind, name: uri ?? name, notAfter, fingerprint };
      found.set("own", { ...own, hosts: hosts.slice(0, maxHosts) });
    }
    for (const { address, identity } of remoting.endpoint.peers()) {
      if (identity.kind === "plain" || found.size >= maxCertificates) continue;
      const { kind, name, uri, hosts, notAfter, fingerprint } = identity;
      const one = { of: address, kind, name: uri ?? name, notAfter, fingerprint };
      found.set(`${address} ${fingerprint}`, { ...one, hosts: hosts.slice(0, maxHosts) });
    }
    return { tls: tls !== undefined, certificates: [...found.values()] };
  };
}
