import { formatAddress } from "../../runtime/address.ts";
import { platform } from "../../runtime/platform.ts";
import type { SystemFault } from "../../runtime/platform_port.ts";
import { TransportError, type TransportErrorCode } from "./errors.ts";

interface Diagnosis {
  readonly code: TransportErrorCode;
  readonly what: string;
  readonly remedy: string;
}

const refused: Diagnosis = {
  code: "connectionRefused",
  what: "nothing listens there",
  remedy: "check that the node runs and that host and port are right",
};
const unreachable: Diagnosis = {
  code: "hostUnreachable",
  what: "no route to the host",
  remedy: "check the network, the address and the firewall",
};
const unknownName: Diagnosis = {
  code: "nameNotFound",
  what: "the host name does not resolve",
  remedy: "check the spelling and the name service, or use an IP address",
};
const inUse: Diagnosis = {
  code: "addressInUse",
  what: "another socket is bound to this port",
  remedy: "stop the other process, choose another port, or use port 0",
};
const notLocal: Diagnosis = {
  code: "addressNotAvailable",
  what: "the host is not an address of this machine",
  remedy: "bind an address of this machine, or 0.0.0.0 for all of them",
};
const forbidden: Diagnosis = {
  code: "permissionDenied",
  what: "it is not permitted",
  remedy: platform.process.permissionRemedies.net,
};
const other: Diagnosis = {
  code: "networkFailure",
  what: "the system reports an error",
  remedy: "see the cause",
};

const byErrno: Readonly<Record<string, Diagnosis>> = {
  ECONNREFUSED: refused,
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  EHOSTDOWN: unreachable,
  ENETDOWN: unreachable,
  EADDRINUSE: inUse,
  EADDRNOTAVAIL: notLocal,
  EACCES: forbidden,
  EPERM: forbidden,
  ENOTFOUND: unknownName,
  EAI_AGAIN: unknownName,
};

const byFault: Partial<Record<SystemFault, Diagnosis>> = {
  notPermitted: forbidden,
  connectionRefused: refused,
  addressInUse: inUse,
  addressNotAvailable: notLocal,
};

function diagnose(cause: unknown): Diagnosis {
  if (!(cause instanceof Error)) return other;
  const errno = (cause as { code?: unknown }).code;
  if (typeof errno === "string" && errno in byErrno) return byErrno[errno]!;
  const fault = platform.faultOf(cause);
  if (fault !== undefined && fault in byFault) return byFault[fault]!;
  // A failed look-up has neither its own class nor its own code; an empty name is a URIError.
  if (/failed to lookup|no addresses|invalid empty host|name resolution/i.test(cause.message)) {
    return unknownName;
  }
  return other;
}

/** The error of a failed dial of `host:port`. */
export function dialFailed(host: string, port: number, cause: unknown): TransportError {
  const address = formatAddress(host, port);
  const { code, what, remedy } = diagnose(cause);
  return new TransportError(code, `cannot connect to ${address}: ${what}`, {
    value: address,
    remedy,
    cause,
  });
}

/** The connection to `host:port` was not ready after `timeout` milliseconds. */
export function dialTimedOut(
  host: string,
  port: number,
  timeout: number,
  during: string,
): TransportError {
  const address = formatAddress(host, port);
  return new TransportError(
    "connectTimeout",
    `cannot connect to ${address}: ${during} took longer than ${timeout} ms`,
    {
      value: address,
      remedy: "check that the host is up and not behind a firewall, or allow a longer timeout",
    },
  );
}

/** The dial to `host:port` was cancelled. */
export function dialGivenUp(host: string, port: number): TransportError {
  const address = formatAddress(host, port);
  return new TransportError("connectTimeout", `connecting to ${address} was cancelled`, {
    value: address,
  });
}

/** The error of a failed bind of `host:port`. */
export function listenFailed(host: string, port: number, cause: unknown): TransportError {
  const address = formatAddress(host, port);
  const { code, what, remedy } = diagnose(cause);
  return new TransportError(code, `cannot listen on ${address}: ${what}`, {
    value: address,
    remedy,
    cause,
  });
}

/** An established connection to `remote` broke. */
export function connectionLost(remote: string, cause?: unknown): TransportError {
  const why = cause instanceof Error ? `: ${cause.message}` : "";
  return new TransportError("connectionLost", `the connection to ${remote} broke${why}`, {
    value: remote,
    cause,
  });
}

/** What the system reports when the far end, or the way to it, has not answered. */
const unanswered: ReadonlySet<unknown> = new Set([
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
]);

/**
 * Whether an established link has ended because the far end's system closed or reset it, and not for
 * want of an answer. `error` is what `Link.onClose` was called with.
 */
export function endedByFarEnd(error: Error | undefined): boolean {
  if (error === undefined) return true;
  if (!(error instanceof TransportError) || error.code !== "connectionLost") return false;
  return !unanswered.has((error.cause as { code?: unknown } | undefined)?.code);
}

/** A second write was started before the first one was done. */
export function writeInProgress(remote: string): TransportError {
  return new TransportError("networkFailure", `a write to ${remote} is still in progress`, {
    value: remote,
    remedy: "wait for `done` before the next write",
  });
}
