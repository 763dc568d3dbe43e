/** A name that a certificate covers: a DNS name, or the bytes of an IP address. */
export type HostName =
  | { readonly kind: "dns"; readonly text: string }
  | { readonly kind: "ip"; readonly text: string; readonly bytes: Uint8Array };

const label = /^(?!-)[A-Za-z0-9_-]{1,63}(?<!-)$/;
/** Names that are shown, and characters of each. */
const maxShownHosts = 5;
const maxShownHost = 100;

/**
 * Reads a host: IPv4, IPv6 (with or without brackets) or a DNS name. Names in other scripts become
 * punycode; a wildcard may only be the whole first label. Undefined: it is none of them.
 */
export function parseHost(host: string): HostName | undefined {
  if (/^[\d.]+$/.test(host)) return parseIpv4(host);
  if (host.includes(":")) return parseIpv6(host);
  const ascii = toAscii(host)?.toLowerCase();
  if (ascii === undefined) return undefined;
  const wildcard = ascii.startsWith("*.");
  const labels = (wildcard ? ascii.slice(2) : ascii).split(".");
  // TLS stacks refuse a wildcard directly below the root.
  const narrow = !wildcard || labels.length >= 2;
  // Resolvers take a name that ends in a number for an IPv4 address.
  const isName = !/^(\d+|0x[0-9a-f]*)$/.test(labels.at(-1)!);
  if (narrow && isName && ascii.length <= 253 && labels.every((part) => label.test(part))) {
    return { kind: "dns", text: ascii };
  }
  return undefined;
}

/**
 * One spelling for every host name and IP address, so that two of them can be compared: lower
 * case, no trailing dot, no brackets or zone, IPv6 shortened as in RFC 5952, internationalised names
 * in their ASCII form (`xn--...`).
 */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, "$1").replace(/%.*$/, "");
  if (bare.includes(":")) {
    const parsed = URL.parse(`http://[${bare}]/`);
    return parsed === null ? bare.toLowerCase() : parsed.hostname.slice(1, -1);
  }
  return (isInternationalName(bare) ? URL.parse(`http://${bare}/`)?.hostname ?? bare : bare)
    .toLowerCase().replace(/\.$/, "");
}

/** Whether it has a letter beyond ASCII, and no character that ends the host of a URL. */
function isInternationalName(host: string): boolean {
  // deno-lint-ignore no-control-regex -- what is not ASCII is what is looked for
  return /[^\u0000-\u007f]/.test(host) && !/[\s/\\:@?#[\]]/.test(host);
}

/** Whether a host is this machine, whatever network it is in. */
export function isLoopback(host: string): boolean {
  const plain = canonicalHost(host);
  return plain === "localhost" || plain === "::1" || /^127(\.\d{1,3}){3}$/.test(plain);
}

/** Whether a host stands for all addresses of a machine, and so is none to dial. */
export function isUnspecified(host: string): boolean {
  const plain = canonicalHost(host);
  return plain === "0.0.0.0" || plain === "::";
}

/** Whether two hosts are one, written in different ways; all loopback names and addresses are one. */
export function isSameHost(a: string, b: string): boolean {
  return canonicalHost(a) === canonicalHost(b) || (isLoopback(a) && isLoopback(b));
}

/**
 * Whether a certificate that names `hosts` covers `host`. A name `*.example.com` covers one more
 * label, and only that (RFC 9525).
 */
export function coversHost(hosts: readonly string[], host: string): boolean {
  const wanted = canonicalHost(host);
  const parent = isIpAddress(wanted) ? undefined : wanted.replace(/^[^.]+\./, "*.");
  return hosts.some((name) => {
    const covered = canonicalHost(name);
    return covered === wanted || (covered === parent && covered.split(".").length > 2);
  });
}

/** The names of a certificate for a message; an authority may have signed thousands of long ones. */
export function listHosts(hosts: readonly string[]): string {
  if (hosts.length === 0) return "no host at all";
  const shown = hosts.slice(0, maxShownHosts).map((host) => host.slice(0, maxShownHost)).join(", ");
  const more = hosts.length - maxShownHosts;
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** The text of an IP address of 4 or 16 bytes; undefined for any other length. */
export function ipText(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join(".");
  if (bytes.length !== 16) return undefined;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16));
  return canonicalHost(groups.join(":"));
}

function isIpAddress(host: string): boolean {
  return host.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(host);
}

function parseIpv4(host: string): HostName | undefined {
  const parts = host.split(".");
  const bytes = parts.map(Number);
  if (
    parts.length !== 4 ||
    !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)
  ) {
    return undefined;
  }
  return { kind: "ip", text: bytes.join("."), bytes: Uint8Array.from(bytes) };
}

function parseIpv6(host: string): HostName | undefined {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  // A URL parser would parse the text after a bracket as a port or a path.
  const url = /^[0-9a-fA-F:.]{2,45}$/.test(bare) ? URL.parse(`http://[${bare}]/`) : null;
  if (url === null) return undefined;
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

function toAscii(host: string): string | undefined {
  // deno-lint-ignore no-control-regex -- plain ASCII is left as it is
  if (/^[\x00-\x7f]*$/.test(host)) return host;
  // A URL parser would split at these, or decode them.
  const url = /[\s/?#@%\\:]/.test(host) ? null : URL.parse(`http://${host}/`);
  return url?.hostname;
}
