import { type HolderIdentity, holderOf } from "./peer.ts";

/** Begins the address of every client. */
const prefix = "client:";
/** Between the holder of the certificate and the number that the client has drawn. */
const separator = "#";
/** The longest address of a peer, see `handshake.ts`. */
const maxAddress = 255;

/**
 * The address of a client: the holder of its certificate, and a random id, as in
 * `client:spiffe://shop/client/alice#3f...`. Every node checks the first part against the
 * certificate, so the address needs no registry, and a reference shows whom it leads to. Without a
 * certificate, or with a very long name, the address is the id alone.
 */
export function clientAddress(identity: HolderIdentity, id: string): string {
  if (identity.kind === "plain") return prefix + id;
  const address = `${ownPrefix(identity)}${id}`;
  return address.length <= maxAddress ? address : prefix + id;
}

/** Whether the address names the holder of a certificate. */
export function namesHolder(address: string): boolean {
  return address.includes(separator);
}

/** Whether the address of a client names the holder of another certificate than its own. */
export function namesOtherHolder(
  { address, identity }: { readonly address: string; readonly identity: HolderIdentity },
): boolean {
  if (!namesHolder(address) || identity.kind === "plain") return false;
  const own = ownPrefix(identity);
  return !address.startsWith(own) || address.lastIndexOf(separator) !== own.length - 1;
}

function ownPrefix(identity: HolderIdentity): string {
  const uri = identity.kind === "plain" ? undefined : identity.uri;
  const holder = (uri ?? holderOf({ identity })).replace(/[^A-Za-z0-9:/._~-]/g, (char) => {
    return `%${char.codePointAt(0)!.toString(16)};`;
  });
  return `${prefix}${holder}${separator}`;
}
