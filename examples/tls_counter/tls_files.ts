/**
 * What is missing among the options that name the files of a certificate. A program that has only some
 * of them would run without TLS, though its user has asked for it. The key may be in the file of the
 * certificate.
 */
export function missingTlsFile(text: (name: string) => string | undefined): string | undefined {
  const given = ["certfile", "keyfile", "cafile"].find((name) => text(name) !== undefined);
  const missing = ["certfile", "cafile"].find((name) => (text(name) ?? "") === "");
  if (given === undefined || missing === undefined) return undefined;
  return `--${given} needs --${missing}: without it there would be no TLS`;
}
