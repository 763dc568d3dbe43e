import type { Certificates, Pair } from "./certificates.ts";

/** The file of a list of our authority, made with openssl, that revokes the given certificates. */
export async function revocationList(
  certificates: Certificates,
  revoked: readonly Pair[],
  { issuer = certificates.ca, days = 30, der = false } = {},
): Promise<string> {
  const base = await certificates.file("");
  await Deno.writeTextFile(`${base}.index`, "");
  await Deno.writeTextFile(`${base}.number`, "01");
  await Deno.writeTextFile(
    `${base}.cnf`,
    `[ca]\ndefault_ca=d\n[d]\ndatabase=${base}.index\ncrlnumber=${base}.number\ndefault_md=sha256\n`,
  );
  const signer = [
    "-config",
    `${base}.cnf`,
    "-cert",
    await certificates.file(issuer.cert),
    "-keyfile",
    await certificates.file(issuer.key),
  ];
  for (const { cert } of revoked) {
    await openssl("ca", ...signer, "-revoke", await certificates.file(cert));
  }
  const dates = days > 0
    ? ["-crldays", String(days)]
    : ["-crl_lastupdate", "20200101000000Z", "-crl_nextupdate", "20210101000000Z"];
  await openssl("ca", ...signer, "-gencrl", ...dates, "-out", base);
  if (der) await openssl("crl", "-in", base, "-outform", "DER", "-out", base);
  return base;
}

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
