import type { CertificateInfo } from "../authority/certificate_info.ts";
import type { RevocationListInfo } from "../authority/revocation_info.ts";
import { replaceUnprintable } from "../../runtime/unprintable.ts";

const msPerDay = 86_400_000;
/** So many revoked certificates are shown; `--json` has all. */
const maxShown = 100;

/** The fields of a certificate: title and value. */
export function fieldRows(info: CertificateInfo, now: Date): [string, string][] {
  const rows: [string, string][] = [
    ["Subject", name(info.commonName)],
    ["Issuer", name(info.issuer)],
    ["Serial", info.serial],
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
  rows.push(["Key type", info.keyType], ["Algorithm", info.algorithm]);
  rows.push(["SHA-256", info.fingerprint]);
  return rows.map(([title, value]) => [title, visible(value)]);
}

/** A certificate, as `info` shows it. */
export function infoText(file: string, info: CertificateInfo, now: Date): string {
  return titled("Certificate:  ", file, fieldRows(info, now));
}

/** A revocation list, as `info` shows it. */
export function revocationListText(file: string, info: RevocationListInfo, now: Date): string {
  const { nextUpdate, revocations } = info;
  const due = nextUpdate === undefined
    ? "not said"
    : `${minute(nextUpdate)}${nextUpdate < now ? " (overdue)" : ""}`;
  const shown = revocations.slice(0, maxShown);
  return titled("Revocation list:  ", file, [
    ["Issuer", visible(name(info.issuer))],
    ["Number", String(info.number ?? "none")],
    ["Made", minute(info.thisUpdate)],
    ["Next due", due],
    ["Revoked", String(revocations.length)],
  ]) +
    shown.map(({ serial, reason, revokedAt }) => `    ${serial}  ${minute(revokedAt)}  ${reason}\n`)
      .join("") +
    (shown.length < revocations.length ? `    and ${revocations.length - maxShown} more\n` : "");
}

/** One row of `list`; without `info` the file could not be read. */
export function certificateRow(file: string, info: CertificateInfo | undefined, now: Date): string {
  if (info === undefined) return `${file.padEnd(20)} (unreadable)\n`;
  const days = daysLeft(info, now);
  const kind = info.role === "authority" ? "CA" : info.role;
  const sans = info.names;
  return [
    file.padEnd(20),
    visible(name(info.commonName)).padEnd(20),
    kind.padEnd(12),
    `${String(days).padStart(5)}d remaining${days < 0 ? " [EXPIRED]" : ""}`,
  ].join(" ") + (sans.length > 0 ? `  SANs: ${visible(sans.join(", "))}` : "") + "\n";
}

/** A time to the minute, UTC. */
export function minute(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** Text of a foreign certificate must not control the terminal. */
export function visible(text: string): string {
  return replaceUnprintable(text);
}

function titled(title: string, file: string, rows: readonly [string, string][]): string {
  const body = rows.map(([name, value]) => `  ${`${name}:`.padEnd(11)} ${value}\n`).join("");
  return `${title}${file}\n${body}`;
}

function name(commonName: string | undefined): string {
  return commonName === undefined ? "N/A" : `CN=${commonName}`;
}

function day(time: Date): string {
  return time.toISOString().slice(0, 10);
}

function remaining(info: CertificateInfo, now: Date): string {
  const days = daysLeft(info, now);
  if (days < 0) return `expired ${-days} days ago`;
  if (days > 0) return `${days} days remaining`;
  return `${Math.floor((info.notAfter.getTime() - now.getTime()) / 60_000)} minutes remaining`;
}

function daysLeft({ notAfter }: CertificateInfo, now: Date): number {
  return Math.floor((notAfter.getTime() - now.getTime()) / msPerDay);
}
