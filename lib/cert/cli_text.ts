import type { CertificateInfo } from "./certificate_info.ts";

const msPerDay = 86_400_000;

/** The rows of `info`. */
export function infoText(file: string, info: CertificateInfo, now: Date): string {
  const rows: [string, string][] = [
    ["Subject", name(info.commonName)],
    ["Issuer", name(info.issuer)],
    ["CA", info.isAuthority ? "yes" : "no"],
    ["Valid", `${day(info.notBefore)} -> ${day(info.notAfter)} (${remaining(info, now)})`],
  ];
  const sans = [
    ...info.dnsNames.map((dns) => `DNS:${dns}`),
    ...info.ipAddresses.map((ip) => `IP:${ip}`),
    ...info.uris.map((uri) => `URI:${uri}`),
  ];
  if (sans.length > 0) rows.push(["SANs", sans.join(", ")]);
  if (info.keyUsages.length > 0) rows.push(["Key usages", info.keyUsages.join(", ")]);
  if (info.purposes.length > 0) rows.push(["Purposes", info.purposes.join(", ")]);
  rows.push(["Algorithm", info.algorithm], ["SHA-256", info.fingerprint]);
  const body = rows.map(([title, value]) => `  ${`${title}:`.padEnd(11)} ${visible(value)}\n`).join(
    "",
  );
  return `Certificate:  ${file}\n${body}`;
}

/** One row of `list`; without `info` the file could not be read. */
export function certificateRow(file: string, info: CertificateInfo | undefined, now: Date): string {
  if (info === undefined) return `${file.padEnd(20)} (unreadable)\n`;
  const days = daysLeft(info, now);
  const kind = info.isAuthority ? "CA" : "node/client";
  const sans = info.names;
  return [
    file.padEnd(20),
    visible(name(info.commonName)).padEnd(20),
    kind.padEnd(12),
    `${String(days).padStart(5)}d remaining${days < 0 ? " [EXPIRED]" : ""}`,
  ].join(" ") + (sans.length > 0 ? `  SANs: ${visible(sans.join(", "))}` : "") + "\n";
}

/** A certificate of a stranger must not steer the terminal. */
function visible(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}

function name(commonName: string | undefined): string {
  return commonName === undefined ? "N/A" : `CN=${commonName}`;
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}

function remaining(info: CertificateInfo, now: Date): string {
  const days = daysLeft(info, now);
  return days < 0 ? `expired ${-days} days ago` : `${days} days remaining`;
}

function daysLeft({ notAfter }: CertificateInfo, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / msPerDay);
}
