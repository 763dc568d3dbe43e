import { loadCa, readText } from "../authority/certificate_files.ts";
import { readCertificate } from "../authority/certificate_info.ts";
import { naming } from "../authority/certificate_search.ts";
import type { CertIo } from "./command.ts";
import type { CommandArguments } from "./command_arguments.ts";
import { CertError } from "../errors.ts";
import type { Authority } from "../authority/issuing_authority.ts";
import { isEncryptedKey, openPrivateKey, writePrivateKey } from "../authority/private_key.ts";

/**
 * Reads an authority, asks for its passphrase if it has one, and opens its key with it.
 *
 * @throws {CertError} codes `notFound`, `malformed`, `unsupportedKey`, `encryptedKey`,
 * `wrongPassphrase`, `badPassphrase`, `cancelled`; each names the file.
 */
export async function authorityOf(
  directory: string,
  args: CommandArguments,
  io: CertIo,
): Promise<Authority> {
  const { cert, key } = await loadCa(directory);
  const certFile = `${directory}/ca.crt`;
  await readCertificate(cert).catch((error) => Promise.reject(naming(certFile, error)));
  return { cert, key: await openKey(`${directory}/ca.key`, key, args, io) };
}

/**
 * The text of a decrypted key. Prompts for its passphrase.
 *
 * @throws {CertError} codes `malformed`, `unsupportedKey`, `encryptedKey`, `wrongPassphrase`,
 * `badPassphrase`, `cancelled`; each names the file.
 */
export async function openKey(
  file: string,
  text: string,
  args: CommandArguments,
  io: CertIo,
): Promise<string> {
  const passphrase = await passphraseOf(file, text, args, io);
  try {
    return await writePrivateKey(openPrivateKey(text, passphrase));
  } catch (error) {
    throw naming(file, error);
  }
}

/**
 * The passphrase of the first of these keys that has one; files that are missing are left out.
 *
 * @throws {CertError} as {@linkcode authorityOf}.
 */
export async function passphraseOfFiles(
  files: readonly string[],
  args: CommandArguments,
  io: CertIo,
): Promise<string | undefined> {
  for (const file of files) {
    const text = await readText(file, "no key").catch(() => "");
    const passphrase = await passphraseOf(file, text, args, io);
    if (passphrase !== undefined) return passphrase;
  }
  return undefined;
}

/**
 * The passphrase for a key that is to be written: that of `--passphrase-env`, or with `--encrypt`
 * one that is typed twice.
 *
 * @throws {CertError} codes `badPassphrase`, `encryptedKey`, `cancelled`.
 */
export async function newPassphrase(
  args: CommandArguments,
  io: CertIo,
): Promise<string | undefined> {
  const name = args.text("passphrase-env");
  if (name !== undefined) return fromEnvironment(name, io);
  if (!args.on("encrypt")) return undefined;
  if (io.ask === undefined) {
    throw new CertError("encryptedKey", "there is no terminal to ask for a passphrase", {
      remedy: "name the variable that holds it with --passphrase-env",
    });
  }
  const first = await io.ask("Passphrase for the authority's key: ");
  if (first === await io.ask("The same once more: ")) return first;
  throw new CertError("badPassphrase", "the two passphrases are not the same", {
    remedy: "try again",
  });
}

async function passphraseOf(
  file: string,
  key: string,
  args: CommandArguments,
  io: CertIo,
): Promise<string | undefined> {
  if (!isEncryptedKey(key)) return undefined;
  const name = args.text("passphrase-env");
  if (name !== undefined) return fromEnvironment(name, io);
  return await io.ask?.(`Passphrase of ${file}: `);
}

function fromEnvironment(name: string, io: CertIo): string {
  const value = io.env(name);
  if (value !== undefined && value !== "") return value;
  throw new CertError("badPassphrase", `the environment variable ${name} is not set`, {
    value: name,
    remedy: "set it to the passphrase, or leave --passphrase-env out to be asked",
  });
}
