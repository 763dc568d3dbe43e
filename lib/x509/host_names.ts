/** Names that are shown, and characters of each. */
const maxShownHosts = 5;
const maxShownHost = 100;

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
  // deno-lint-ignore no-control-regex -- what is not ASCII is what is looked for
  const ascii = /^[\u0000-\u007f]*$/.test(bare) ? bare : URL.parse(`http://${bare}/`)?.hostname;
  return (ascii ?? bare).toLowerCase().replace(/\.$/, "");
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
