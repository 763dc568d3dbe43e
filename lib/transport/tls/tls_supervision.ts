import type { LogFields, LogLevel } from "../../runtime/logger.ts";
import type { TlsMaterial } from "../../runtime/network.ts";
import type { TlsEvent } from "../../runtime/tls_event.ts";
import type { EndpointOptions } from "../endpoint/endpoint_options.ts";
import type { Peer } from "../base/peer.ts";

/**
 * Follows the certificates of one end while it runs: logs their events, and disconnects peers that
 * have been revoked or denied: `recheck` disconnects each peer for which its argument returns a
 * reason. Call the result to stop.
 */
export function superviseTls(
  { tls, runtime, onTlsEvent }: EndpointOptions,
  recheck: (verdict: (peer: Peer) => string | undefined) => void,
): () => Promise<void> {
  const end = tls?.subscribe?.((event) => {
    const [level, message, fields] = describeTlsEvent(event);
    runtime.logger.log(level, "transport", message, fields);
    // Also if a part of the change cannot be used: the rest is in force.
    if (event.type === "tlsReloaded" || event.type === "tlsReloadFailed") {
      recheck((peer) => revocationOf(tls, peer));
    }
    onTlsEvent?.(event);
  });
  return end ?? (() => Promise.resolve());
}

/** Why a peer may not stay connected, if its certificate is revoked or denied by now. */
export function revocationOf(tls: TlsMaterial | undefined, peer: Peer): string | undefined {
  const { identity } = peer;
  if (identity.kind === "plain") return undefined;
  const refusal = tls?.judge?.(identity);
  return refusal &&
    `revoked: the certificate of ${identity.kind} ${identity.name} ${refusal.problem}`;
}

function describeTlsEvent(event: TlsEvent): [LogLevel, string, LogFields] {
  switch (event.type) {
    case "tlsReloaded": {
      const { fingerprint, changed } = event;
      const validUntil = new Date(event.notAfter).toISOString();
      return ["info", "changed TLS files are in use now", { changed, validUntil, fingerprint }];
    }
    case "tlsReloadFailed": {
      const { code, file, reason } = event;
      const message = "changed TLS files cannot be used, the last good ones stay in use";
      return ["error", message, { code, file, reason }];
    }
    case "certificateExpiring": {
      const { of, subject, notAfter, daysLeft } = event;
      const what = of === "leaf" ? "this end's certificate" : "the certificate of our authority";
      const message = daysLeft === 0 ? `${what} has expired` : `${what} expires soon`;
      const validUntil = new Date(notAfter).toISOString();
      return [daysLeft <= 1 ? "error" : "warn", message, { subject, validUntil, daysLeft }];
    }
    case "revocationListOutdated": {
      const { file, nextUpdate } = event;
      const due = nextUpdate === undefined ? "unknown" : new Date(nextUpdate).toISOString();
      return ["warn", "the list of revoked certificates is outdated", { file, due }];
    }
    case "authorityKeyExposed":
      return ["warn", "the private key of an authority lies beside the key of this end", {
        file: event.file,
        remedy: "keep it on the machine that issues certificates only",
      }];
  }
}
