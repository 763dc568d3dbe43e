import type { LogFields, Logger } from "../../runtime/logger.ts";
import type { TlsMaterial } from "../../runtime/network.ts";
import { ownCertificate } from "../../transport/tls/own_certificate.ts";

/** What the line says of a node that is up. */
export interface StartedNode {
  readonly address: string;
  readonly nodeId: string;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Members that are up. */
  readonly members: number;
  readonly tls: TlsMaterial | undefined;
}

/** One line when a node is up: under which identity, and until when its certificate is valid. */
export function logStart(logger: Logger, { tls, ...node }: StartedNode): void {
  logger.log("info", "cluster", "node is up", { ...node, ...tlsFields(tls) });
}

function tlsFields(tls: TlsMaterial | undefined): LogFields {
  if (tls === undefined) return { tls: "none" };
  const { identity, notAfter } = ownCertificate(tls);
  return { identity, validUntil: new Date(notAfter).toISOString() };
}
