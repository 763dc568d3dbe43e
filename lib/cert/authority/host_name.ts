import { type HostName, parseHost } from "../../x509/host_names.ts";
import { CertError } from "../errors.ts";

/**
 * Reads a host as {@linkcode parseHost} does.
 *
 * @throws {CertError} code `badName`.
 */
export function parseHostName(host: string): HostName {
  const name = parseHost(host);
  if (name !== undefined) return name;
  throw new CertError(
    "badName",
    `${JSON.stringify(host)} is neither a host name nor an IP address`,
    {
      value: host,
      remedy: "use a name such as node-1.example.com, or an address such as 10.0.1.10 or ::1",
    },
  );
}
