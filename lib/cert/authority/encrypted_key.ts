import {
  type AsnType,
  fromBER,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Sequence,
} from "asn1js";
import { CertError } from "../errors.ts";

const oid = {
  pbes2: "1.2.840.113549.1.5.13",
  pbkdf2: "1.2.840.113549.1.5.12",
  hmacWithSha256: "1.2.840.113549.2.9",
  aes256Cbc: "2.16.840.1.101.3.4.1.42",
};

/** As OWASP advises for PBKDF2 with HMAC-SHA-256; OpenSSL's own default is 2 048. */
const iterations = 600_000;
/** More would take minutes: such a file is an attack on the reader's time. */
const maxIterations = 20_000_000;

/**
 * Encrypts a PKCS#8 key with PBES2 (RFC 8018): PBKDF2 with HMAC-SHA-256, and AES-256-CBC. Made here
 * because node:crypto does not let one choose the number of iterations.
 */
export async function encryptKey(
  der: Uint8Array<ArrayBuffer>,
  passphrase: string,
): Promise<ArrayBuffer> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const secret = new TextEncoder().encode(passphrase);
  const base = await crypto.subtle.importKey("raw", secret, "PBKDF2", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations },
    base,
    { name: "AES-CBC", length: 256 },
    false,
    ["encrypt"],
  );
  const encrypted = await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, der);
  return sequence(
    sequence(
      new ObjectIdentifier({ value: oid.pbes2 }),
      sequence(
        sequence(
          new ObjectIdentifier({ value: oid.pbkdf2 }),
          sequence(
            new OctetString({ valueHex: salt.buffer }),
            new Integer({ value: iterations }),
            sequence(new ObjectIdentifier({ value: oid.hmacWithSha256 }), new Null()),
          ),
        ),
        sequence(
          new ObjectIdentifier({ value: oid.aes256Cbc }),
          new OctetString({ valueHex: iv.buffer }),
        ),
      ),
    ),
    new OctetString({ valueHex: encrypted }),
  ).toBER();
}

/**
 * Refuses a key whose opening would take minutes.
 *
 * @throws {CertError} code `malformed`.
 */
export function refuseSlowKey(der: Uint8Array<ArrayBuffer>): void {
  const { result } = fromBER(der);
  const kdf = child(child(child(result, 0), 1), 0);
  const id = child(kdf, 0);
  if (!(id instanceof ObjectIdentifier) || id.getValue() !== oid.pbkdf2) return;
  const count = child(child(kdf, 1), 1);
  if (!(count instanceof Integer)) return;
  const value = count.toBigInt();
  if (value <= BigInt(maxIterations)) return;
  throw new CertError("malformed", `the key asks for ${value} iterations of PBKDF2`, {
    value: Number(value),
    remedy: `use a key with at most ${maxIterations}`,
  });
}

function sequence(...value: AsnType[]): Sequence {
  return new Sequence({ value });
}

function child(node: unknown, index: number): unknown {
  return node instanceof Sequence ? node.valueBlock.value[index] : undefined;
}
