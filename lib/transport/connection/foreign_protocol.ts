/**
 * Which protocol a peer speaks that sends no frames of Casty. Pure.
 *
 * @module
 */

/** How many of the first bytes are looked at. */
export const firstBytes = 8;

/** Whether the first bytes are a TLS record: a handshake or an alert, of version 3.x. */
export function isTls([type, major]: Uint8Array): boolean {
  return (type === 22 || type === 21) && major === 3;
}

/** A sentence about a peer whose first bytes are no frame. `why` is what the frame reader says. */
export function explainForeignBytes(first: Uint8Array, why: string): string {
  if (isTls(first)) {
    return "the other end speaks TLS, and this one has no option tls: set it on both ends, or on " +
      "neither";
  }
  const text = String.fromCharCode(...first);
  if (/^(HTTP\/|GET |PUT |POST |HEAD |OPTIONS|CONNECT |DELETE |PATCH )/.test(text)) {
    return "the other end speaks HTTP: it is no node; check the port";
  }
  if (/^[\t\r\n -~]+$/.test(text)) {
    return `the other end sends text (${JSON.stringify(text)}): it is no node; check the port`;
  }
  return `unreadable frame: the other end does not speak Casty's protocol (${why}); check the ` +
    "port, and that both ends use TLS, or neither";
}
