import { createPrivateKey, type KeyObject } from "node:crypto";
import { encryptKey, refuseSlowKey } from "./encrypted_key.ts";
import { CertError } from "../errors.ts";
import { checkKeyType } from "./key_type.ts";
import { encodePem } from "../../x509/pem.ts";
import { decodePem } from "./pem.ts";

const encryptedBlock = /-----BEGIN ENCRYPTED PRIVATE KEY-----/;
/** Unencrypted PKCS#8, and the older formats of openssl: SEC 1 and PKCS#1. */
const plainBlock = /-----BEGIN ((?:EC |RSA )?PRIVATE KEY)-----([\sA-Za-z0-9+/=]*)-----END \1-----/;
/** OpenSSL reads no longer passphrases. */
const maxPassphrase = 1_024;

/** Whether the PEM text holds a private key that has a passphrase. */
export function isEncryptedKey(pem: string): boolean {
  return encryptedBlock.test(pem) || /^Proc-Type: .*ENCRYPTED/m.test(pem);
}

/**
 * Reads a private key: PKCS#8, encrypted or not, SEC 1, PKCS#1.
 *
 * @throws {CertError} codes `encryptedKey`, `wrongPassphrase`, `malformed`, `unsupportedKey`.
 */
export function readPrivateKey(pem: string, passphrase?: string): KeyObject {
  const key = openPrivateKey(pem, passphrase);
  checkKeyType(key);
  return key;
}

/**
 * The same for a key of any type, also one that is too weak to be used.
 *
 * @throws {CertError} codes `encryptedKey`, `wrongPassphrase`, `malformed`.
 */
export function openPrivateKey(pem: string, passphrase?: string): KeyObject {
  return isEncryptedKey(pem) ? openEncrypted(pem, passphrase) : openPlain(pem);
}

/**
 * A private key as PKCS#8 PEM, encrypted if there is a passphrase.
 *
 * @throws {CertError} code `badPassphrase`.
 */
export async function writePrivateKey(key: KeyObject, passphrase?: string): Promise<string> {
  const der = Uint8Array.from(key.export({ type: "pkcs8", format: "der" }));
  if (passphrase === undefined) return encodePem("PRIVATE KEY", der.buffer);
  checkPassphrase(passphrase);
  return encodePem("ENCRYPTED PRIVATE KEY", await encryptKey(der, passphrase));
}

/**
 * Throws unless a key can be encrypted with it.
 *
 * @throws {CertError} code `badPassphrase`.
 */
export function checkPassphrase(passphrase: string): void {
  const { length } = new TextEncoder().encode(passphrase);
  if (length >= 1 && length <= maxPassphrase) return;
  throw new CertError("badPassphrase", `a passphrase of ${length} bytes is not possible`, {
    remedy: `use 1 to ${maxPassphrase} bytes`,
  });
}

function openEncrypted(pem: string, passphrase: string | undefined): KeyObject {
  if (passphrase === undefined) {
    throw new CertError("encryptedKey", "the key has a passphrase, and none was given", {
      remedy: "name the variable that holds it with --passphrase-env, or use a terminal",
    });
  }
  if (!encryptedBlock.test(pem)) return openLegacy(pem, passphrase);
  const der = decodePem("ENCRYPTED PRIVATE KEY", pem);
  refuseSlowKey(der);
  return open({ key: encodePem("ENCRYPTED PRIVATE KEY", der.buffer), passphrase });
}

/** Encrypted as openssl did before PKCS#8: the headers are part of the block. */
function openLegacy(pem: string, passphrase: string): KeyObject {
  const block = /-----BEGIN ((?:EC |RSA )?PRIVATE KEY)-----[^]{0,65536}?-----END \1-----/.exec(pem)
    ?.[0];
  return open({ key: block ?? pem, passphrase });
}

function open(options: { key: string; passphrase: string }): KeyObject {
  try {
    return createPrivateKey({ ...options, format: "pem" });
  } catch (cause) {
    throw new CertError("wrongPassphrase", "the passphrase does not open the key", {
      cause,
      remedy: "check the passphrase, and that it is the right file",
    });
  }
}

function openPlain(pem: string): KeyObject {
  const block = plainBlock.exec(pem);
  // Says what is missing.
  if (block === null) decodePem("PRIVATE KEY", pem);
  try {
    return createPrivateKey({ key: block![0], format: "pem" });
  } catch (cause) {
    throw new CertError("malformed", "the PEM block holds no private key", {
      cause,
      remedy: "check that it is the right file",
    });
  }
}
