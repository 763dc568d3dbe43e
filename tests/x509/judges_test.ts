/**
 * One verdict for each certificate: `TlsConfig` when it loads, the transport when a peer shows it,
 * `verify`, `doctor` and a real mutual TLS handshake must agree.
 */
import { assert, assertEquals } from "@std/assert";
import { readText } from "../../lib/cert/authority/certificate_files.ts";
import { verify } from "../../lib/cert/authority/verification.ts";
import { diagnose } from "../../lib/cert/doctor/doctor.ts";
import type { Clock } from "../../lib/runtime/clock.ts";
import type { TlsMaterial } from "../../lib/runtime/network.ts";
import { systemClock } from "../../lib/runtime/system_clock.ts";
import { TlsConfigError } from "../../lib/transport/base/errors.ts";
import { CertificateRefusedError } from "../../lib/transport/tls/certificate_refused.ts";
import { identifyPeer } from "../../lib/transport/tls/peer_identity.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../lib/transport/tls/tls_network.ts";
import { type CertificateReading, readCertificate } from "../../lib/x509/certificate.ts";
import type { CertificateFault } from "../../lib/x509/certificate_fault.ts";
import { judgeUnproved } from "../../lib/x509/judge.ts";
import { orderChain } from "../../lib/x509/key_pair.ts";
import { pemCertificates, pemText } from "../../lib/x509/pem.ts";
import { opensslTest } from "../openssl.ts";
import { dial, Server } from "../transport/network/links.ts";
import { type Made, Pki } from "./pki.ts";
import { shakesHands } from "./raw_tls.ts";
import { type Files, type Sample, samples } from "./samples.ts";

/** Faults that the TLS library finds by itself. The others are found by Casty only. */
const foundByTls: ReadonlySet<string> = new Set<CertificateFault>([
  "weakKey",
  "weakSignature",
  "unsupportedAlgorithm",
  "nameConstraint",
  "tlsUnsupported",
]);

/** A folder with the files of one end. */
interface Folder {
  readonly dir: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly crlFile?: string;
}

/** A sample, its files, and those of a good node that trusts the same authorities. */
interface Trial {
  readonly sample: Sample;
  readonly files: Files;
  readonly folder: Folder;
  readonly good: Folder;
  readonly leaf: CertificateReading;
}

/** A node whose certificate is good whatever the sample is. */
interface Good {
  readonly leaf: Made;
  readonly ca: Made;
  readonly list: string;
}

async function goodNode(pki: Pki): Promise<Good> {
  const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
  const options = { key: "p256:good-root", days: 3_000, extensions: authority } as const;
  const ca = await pki.root({ ...options, subject: "/CN=good-root" });
  const leaf = await pki.issue(ca, {
    key: "p256:good-leaf",
    days: 2_000,
    extensions: [
      "extendedKeyUsage=serverAuth,clientAuth",
      "subjectAltName=DNS:localhost,IP:127.0.0.1,URI:spiffe://lab/node/good",
    ],
  });
  return { leaf, ca, list: await pki.list(ca, []) };
}

async function write(dir: string, files: Files): Promise<Folder> {
  await Deno.mkdir(dir);
  const put = async (name: string, content: string | Uint8Array) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${dir}/${name}`, bytes, { mode: 0o600 });
    return `${dir}/${name}`;
  };
  return {
    dir,
    certFile: await put("tls.crt", files.cert),
    keyFile: await put("tls.key", files.key),
    caFile: await put("ca.crt", files.ca),
    ...(files.crl !== undefined && { crlFile: await put("ca.crl", files.crl) }),
  };
}

async function prepare(pki: Pki, index: number, sample: Sample, good: Good): Promise<Trial> {
  const files = await sample.make(pki);
  const certificates = pemCertificates(textOf(files.cert)).map(readCertificate);
  // The lists of the good node must say something of its own authority where they are required.
  const crl = sample.crlRequired ? `${textOf(files.crl!)}${good.list}` : files.crl;
  return {
    sample,
    files,
    folder: await write(`${pki.dir}/sample-${index}`, files),
    good: await write(`${pki.dir}/good-${index}`, {
      cert: good.leaf.cert,
      key: good.leaf.key,
      ca: `${textOf(files.ca)}${good.ca.cert}`,
      ...(crl !== undefined && { crl }),
    }),
    leaf: orderChain(certificates)!.leaf,
  };
}

function pathsOf({ dir: _, ...files }: Folder, sample: Sample) {
  const { later = 0, crlRequired } = sample;
  const clock: Clock = {
    now: () => systemClock.now(),
    wallTime: () => systemClock.wallTime() + later,
    schedule: (delay, callback) => systemClock.schedule(delay, callback),
    defer: (callback) => systemClock.defer(callback),
    yield: (callback) => systemClock.yield(callback),
  };
  return { ...files, clock, crlRequired: crlRequired === true };
}

/** The first judge loads it as its own. Hosts are not its business. */
async function byConfig({ folder, sample }: Trial): Promise<string> {
  try {
    await TlsConfig.fromPaths(pathsOf(folder, sample));
    return "accepted";
  } catch (error) {
    return error instanceof TlsConfigError ? error.code : String(error);
  }
}

/** The second judge has been shown it by a peer. */
async function byTransport({ files, good, sample }: Trial): Promise<string> {
  const chain = orderChain(pemCertificates(textOf(files.cert)).map(readCertificate))!;
  const authorities = pemCertificates(textOf(files.ca)).map(readCertificate);
  const { later = 0 } = sample;
  try {
    const sent = [chain.leaf, ...chain.intermediates].map(({ der }) => der);
    const identity = identifyPeer(sent, authorities, Date.now() + later);
    const own = await TlsConfig.fromPaths(pathsOf(good, sample));
    return own.judge(identity)?.fault ?? "accepted";
  } catch (error) {
    if (error instanceof CertificateRefusedError) return error.fault;
    return error instanceof TlsConfigError ? error.code : String(error);
  }
}

/** What is said of a foreign peer before its signatures are checked: nothing, or the same. */
function byUnproved({ files, sample }: Trial): string {
  const { leaf, intermediates } = orderChain(
    pemCertificates(textOf(files.cert)).map(readCertificate),
  )!;
  const authorities = pemCertificates(textOf(files.ca)).map(readCertificate);
  const { later = 0, code } = sample;
  return judgeUnproved({ leaf, intermediates, authorities, now: Date.now() + later })?.fault ??
    code;
}

/** The third judge is the tool. */
async function byVerify({ folder, sample }: Trial): Promise<string> {
  const { host, later = 0, crlRequired = false } = sample;
  const { code } = await verify(await readText(folder.certFile, ""), {
    ca: await readText(folder.caFile, ""),
    now: new Date(Date.now() + later),
    crlRequired,
    ...(host !== undefined && { host }),
    ...(folder.crlFile !== undefined && { crl: await readText(folder.crlFile, "") }),
  });
  return code ?? "accepted";
}

/** The fourth judge compares it with a good peer that trusts the same authorities. */
async function byDoctor({ folder, good, sample }: Trial): Promise<string> {
  const { later = 0, host, crlRequired = false } = sample;
  const report = await diagnose(good.dir, folder.dir, {
    now: new Date(Date.now() + later),
    crlRequired,
    ...(host !== undefined && { host }),
  });
  // The sample's node does not trust the good one, which is not what is asked.
  const { code } = report.findings.find(({ severity, what }) => {
    return severity === "error" && !what.startsWith("B does not accept");
  }) ?? { code: "accepted" };
  return code;
}

/** Two real ends: each direction for a node, only dialling for a client. */
async function byHandshake({ sample, folder, good, files, leaf }: Trial): Promise<boolean> {
  const own = await TlsConfig.fromPaths(pathsOf(good, sample)).catch(() => undefined);
  if (own === undefined) return false;
  const peer = { cert: textOf(files.cert), key: files.key, ca: await readText(good.caFile, "") };
  if (!await connects(own, peer, "localhost", folder)) return false;
  if (leaf.uris.some((uri) => uri.includes("/client/"))) return true;
  const host = sample.host ?? leaf.hosts[0]?.replace("*", "a") ?? "localhost";
  return await connects(peer, own, host, folder);
}

async function connects(
  server: TlsMaterial,
  client: TlsMaterial,
  serverName: string,
  { dir }: Folder,
): Promise<boolean> {
  try {
    await using listener = await Server.start(new TlsNetwork(), { tls: server });
    const end = await dial(new TlsNetwork(), listener.port, { tls: client, serverName });
    // With TLS 1.3 the side that dials is done before the other has judged it.
    const accepted = await Promise.race([
      listener.end(0).then(() => true),
      listener.refusal(0).then(() => false),
    ]);
    end.link.destroy();
    return accepted;
  } catch (error) {
    assert(error instanceof Error && "code" in error, `${dir}: ${error}`);
    return false;
  }
}

/** What the TLS library says of it, without any judge of ours. */
async function byTlsLibrary({ files, leaf }: Trial, good: Good): Promise<boolean> {
  const ca = `${textOf(files.ca)}${good.ca.cert}`;
  const sample = { cert: textOf(files.cert), key: files.key, ca };
  const other = { cert: good.leaf.cert, key: good.leaf.key, ca };
  if (!await shakesHands(other, sample)) return false;
  return leaf.purposes?.includes("serverAuth") !== true || await shakesHands(sample, other);
}

function textOf(content: string | Uint8Array): string {
  return typeof content === "string" ? content : pemText(content);
}

/** What is wrong with the verdicts on one sample; empty if nothing is. */
async function compare(trial: Trial, good: Good): Promise<string> {
  const { sample } = trial;
  const { code } = sample;
  const verdicts: Record<string, string> = {
    // A host is asked for when a connection is made.
    TlsConfig: code === "wrongHost" ? code : await byConfig(trial),
    transport: code === "wrongHost" ? code : await byTransport(trial),
    unproved: byUnproved(trial),
    verify: await byVerify(trial),
    doctor: await byDoctor(trial),
  };
  if (sample.later === undefined) {
    const accepted = await byHandshake(trial);
    verdicts["handshake"] = accepted === (code === "accepted") ? code : `accepted: ${accepted}`;
  }
  if (foundByTls.has(code)) {
    verdicts["TLS library"] = await byTlsLibrary(trial, good) ? "accepted" : code;
  }
  const wrong = Object.entries(verdicts).filter(([, verdict]) => verdict !== code);
  if (wrong.length === 0) return "";
  const said = wrong.map(([judge, verdict]) => `${judge}: ${verdict}`).join(", ");
  return `${sample.name}: must be ${code}, but ${said}`;
}

Deno.test("there are at least 60 samples, each of another name", () => {
  assert(samples.length >= 60, `${samples.length} samples`);
  assertEquals(new Set(samples.map(({ name }) => name)).size, samples.length);
});

opensslTest("all judges give one verdict on each certificate, and TLS agrees", async () => {
  await using pki = await Pki.create();
  const good = await goodNode(pki);
  const wrong: string[] = [];
  for (const [index, sample] of samples.entries()) {
    const problem = await compare(await prepare(pki, index, sample, good), good);
    if (problem !== "") wrong.push(problem);
  }
  assertEquals(wrong, []);
});
