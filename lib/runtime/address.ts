import { CastyError } from "./casty_error.ts";

/** A host and a port. */
export interface HostPort {
  /** Name or IP address, without brackets. */
  readonly host: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** Prints `"host:port"`, with brackets around an IPv6 host. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reads `"host:port"` or `"[ipv6]:port"`.
 *
 * @throws {CastyError} code `badAddress`.
 */
export function parseAddress(address: string): HostPort {
  const match = /^(?:\[((?=[^:\]]*:[^:\]]*:)[0-9a-fA-F:.%]+)\]|([^:[\]\s/@]+)):(\d{1,5})$/.exec(
    address,
  );
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port <= 65535)) {
    throw new CastyError("badAddress", `"${address}" is not an address`, {
      value: address,
      remedy: 'write "host:port", or "[ipv6]:port"',
    });
  }
  return { host, port };
}
