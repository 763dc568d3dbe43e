import { CertError } from "../errors.ts";

/** A name that a certificate covers: a DNS name, or the bytes of an IP address. */
export type HostName =
  | { readonly kind: "dns"; readonly text: string }
  | { readonly kind: "ip"; readonly text: string; readonly bytes: Uint8Array };

const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;

/**
 * Reads a host: IPv4, IPv6 (with or without brackets) or a DNS name. Names in other scripts become
 * punycode; a wildcard may only be the whole first label.
 *
 * @throws {CertError} code `badName`.
 */
export function parseHostName(host: string): HostName {
  if (/^[\d.]+$/.test(host)) return parseIpv4(host);
  if (host.includes(":")) return parseIpv6(host);
  const ascii = toAscii(host).toLowerCase();
  const wildcard = ascii.startsWith("*.");
  const labels = (wildcard ? ascii.slice(2) : ascii).split(".");
  // TLS stacks refuse a wildcard directly below the root.
  const narrow = !wildcard || labels.length >= 2;
  // Resolvers take a name that ends in a number for an IPv4 address.
  const isName = !/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!);
  if (narrow && isName && ascii.length <= 253 && labels.every((part) => label.test(part))) {
    return { kind: "dns", text: ascii };
  }
  throw badHost(host);
}

/** Whether a certificate covers a host. RFC 9525: a wildcard covers one whole label. */
export function covers(
  { dnsNames, ipAddresses }: {
    readonly dnsNames: readonly string[];
    readonly ipAddresses: readonly string[];
  },
  host: HostName,
): boolean {
  if (host.kind === "ip") return ipAddresses.includes(host.text);
  return dnsNames.some((dns) => {
    const name = dns.toLowerCase();
    if (name.replace(/\.$/, "") === host.text) return true;
    return name.startsWith("*.") && name.split(".").length > 2 &&
      host.text.replace(/^[^.]+\./, "*.") === name;
  });
}

function parseIpv4(host: string): HostName {
  const parts = host.split(".");
  const bytes = parts.map(Number);
  if (
    parts.length !== 4 ||
    !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  ) {
    throw badHost(host);
  }
  return { kind: "ip", text: bytes.join("."), bytes: Uint8Array.from(bytes) };
}

function parseIpv6(host: string): HostName {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  // A URL parser would take what follows a bracket for a port or a path.
  const url = /^[0-9a-fA-F:.]{2,45}$/.test(bare) ? URL.parse(`http://[${bare}]/`) : null;
  if (url === null) throw badHost(host);
  const text = url.hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...new Array(8 - left.length - right.length).fill("0"), ...right];
  const bytes = new Uint8Array(16);
  groups.forEach((group, index) => {
    const value = parseInt(group, 16);
    bytes[2 * index] = value >> 8;
    bytes[2 * index + 1] = value & 0xff;
  });
  return { kind: "ip", text, bytes };
}

function toAscii(host: string): string {
  // deno-lint-ignore no-control-regex -- plain ASCII is left as it is
  if (/^[\x00-\x7f]*$/.test(host)) return host;
  // A URL parser would split at these, or decode them.
  const url = /[\s/?#@%\\:]/.test(host) ? null : URL.parse(`http://${host}/`);
  if (url === null) throw badHost(host);
  return url.hostname;
}

function badHost(host: string): CertError {
  return new CertError(
    "badName",
    `${JSON.stringify(host)} is neither a host name nor an IP address`,
    {
      value: host,
      remedy: "use a name such as node-1.example.com, or an address such as 10.0.1.10 or ::1",
    },
  );
}
