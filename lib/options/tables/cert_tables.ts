import { code, flag, list, milliseconds, option, optionTable, text, whole } from "../option.ts";
import { hostText, pemText } from "./forms.ts";
import { identityMapping } from "./tls_tables.ts";

const anyLength = Number.MAX_SAFE_INTEGER;

/** A text that is validated where it is used, with a `CertError`. */
const checkedText = (name: string, example: string) =>
  text(0, anyLength, { name, test: () => true, example });

const keyTypeText = checkedText("a key type, p256, p384 or ed25519", "p256");
const nameText = checkedText("a text of 1 to 64 characters", "shop");
const spanText = checkedText('a span such as "90d", "24h" or "30m"', "90d");
const passphrase = text(0, anyLength, {
  name: "a text of 1 to 1024 bytes",
  test: () => true,
  example: "correct horse",
}, { secret: true });

const keyType = option(keyTypeText, { default: "p256", text: "Type of the key." });
const dryRun = option(flag, {
  default: false,
  text: "Writes nothing, returns what it would write.",
});
const now = option(
  code("a Date", (value) => value instanceof Date && !Number.isNaN(value.getTime())),
  { defaultText: "now", text: "The time of the verification." },
);
const validity = (words: string) => ({
  validity: option(spanText, { defaultText: words, text: "How long it is valid: a span." }),
  validityDays: option(checkedWhole("a whole number of days from 1 to 36500"), {
    text: "The same in whole days; not together with `validity`.",
  }),
});

function checkedWhole(name: string) {
  return code(name, (value) => typeof value === "number");
}

const clusterName = (defaultText: string) =>
  option(nameText, {
    defaultText,
    text: "Name of the cluster, which becomes the trust domain.",
  });
const identity = (defaultText: string) =>
  option(identityMapping, {
    defaultText,
    text: "The option `identity` of `TlsConfig`, with which the peers run.",
  });

/** `createCa(...)`. */
export const caTable = optionTable("createCa", {
  clusterName: clusterName("the domain is made of `commonName`"),
  ...validity("365 days"),
  commonName: option(nameText, { default: "casty-ca", text: "Common name of the authority." }),
  keyType,
  passphrase: option(passphrase, {
    defaultText: "the key is not encrypted",
    text: "Encrypts the key.",
  }),
});

/** The defaults of createCa. */
export const caDefaults = caTable.defaults;

/** `issueNode(...)`. */
export const nodeCertificateTable = optionTable("issueNode", {
  clusterName: clusterName("that of the authority"),
  ...validity("90 days"),
  hosts: option(list(nameText), {
    required: true,
    text: "Names and IP addresses under which the node is reached.",
  }),
  commonName: option(nameText, { defaultText: "the first host", text: "Common name." }),
  keyType,
});

/** `issueClient(...)`. */
export const clientCertificateTable = optionTable("issueClient", {
  clusterName: clusterName("that of the authority"),
  ...validity("90 days"),
  name: option(nameText, { required: true, text: "Name of the client." }),
  keyType,
});

/** `issueAdmin(...)`. */
export const adminCertificateTable = optionTable("issueAdmin", {
  clusterName: clusterName("that of the authority"),
  ...validity("90 days"),
  name: option(nameText, { required: true, text: "Name of the admin." }),
  keyType,
});

/** `testCa(...)`. */
export const testCaTable = optionTable("testCa", {
  ...validity("one hour"),
  commonName: option(nameText, { default: "test-ca", text: "Common name of the authority." }),
  keyType,
});

/** The defaults of testCa. */
export const testCaDefaults = testCaTable.defaults;

/** `initWorkspace(...)`. */
export const initTable = optionTable("initWorkspace", {
  clusterName: clusterName("the domain is made of `commonName`"),
  ...validity("90 days"),
  nodes: option(checkedWhole("a whole number from 0 to 1000"), {
    default: 3,
    text: "Nodes, called `node-1` and so on.",
  }),
  clients: option(list(nameText), {
    defaultText: "one, called `client`",
    text: "Names of clients, each a folder.",
  }),
  hosts: option(list(nameText), {
    defaultText: "none",
    text: "More names or addresses for every node certificate.",
  }),
  commonName: option(nameText, { default: "casty-ca", text: "Common name of a new authority." }),
  keyType,
  passphrase: option(passphrase, {
    defaultText: "none",
    text: "Encrypts or opens the key of the authority.",
  }),
  force: option(flag, { default: false, text: "Replaces what cannot be used any more." }),
  dryRun,
});

/** The defaults of initWorkspace. */
export const initDefaults = initTable.defaults;

/** `renew(...)`. */
export const renewTable = optionTable("renew", {
  ...validity("as that of the present one"),
  keepKey: option(flag, { default: false, text: "Keeps the current key." }),
  keyType: option(keyTypeText, {
    defaultText: 'as the present one, or `"p256"` when that is of another type',
    text: "Type of the new key.",
  }),
  crl: option(pemText, { defaultText: "nothing is revoked", text: "The revocation list, PEM." }),
});

/** `needsRenewal(...)`. */
export const needsRenewalTable = optionTable("needsRenewal", {
  expiresIn: option(checkedText('a span, or a part such as "66%"', "66%"), {
    default: "66%",
    text: "When it is due: a part of its validity, or a time before it expires.",
  }),
  now,
});

/** The defaults of needsRenewal. */
export const needsRenewalDefaults = needsRenewalTable.defaults;

/** `revoke(...)`. */
export const revokeTable = optionTable("revoke", {
  certificates: option(list(pemText), { text: "Certificates to revoke, PEM." }),
  serials: option(list(checkedText("a serial number, hexadecimal", "01af")), {
    text: "Serial numbers to revoke, hexadecimal.",
  }),
  crl: option(pemText, { defaultText: "there is none yet", text: "The present list, PEM." }),
  reason: option(checkedText("a reason such as keyCompromise", "superseded"), {
    default: "unspecified",
    text: "Why it is revoked.",
  }),
  nextUpdate: option(spanText, { default: "30d", text: "When the next list is due." }),
});

/** The defaults of revoke. */
export const revokeDefaults = revokeTable.defaults;

/** `verify(...)`. */
export const verifyTable = optionTable("verify", {
  crlRequired: option(flag, {
    defaultText: "true where there is `crl`",
    text: "Whether a list in force is needed of every authority in the chain.",
  }),
  identity: identity("ours"),
  ca: option(pemText, { required: true, text: "The authorities that are trusted, PEM." }),
  crl: option(pemText, {
    defaultText: "revocation is not checked",
    text: "Revocation lists, PEM.",
  }),
  host: option(nameText, { defaultText: "not checked", text: "A host that it must cover." }),
  usage: option(checkedText("node, client or admin", "node"), {
    defaultText: "any of them",
    text: "The required role of its holder.",
  }),
  key: option(text(0, anyLength, pemText.form, { secret: true }), {
    defaultText: "not checked",
    text: "The private key that must belong to it, PEM.",
  }),
  passphrase: option(passphrase, { text: "Opens the key, if that is encrypted." }),
  now,
});

/** `signRotation(...)` and `finishRotation(...)`. */
export const rotationTable = optionTable("signRotation and finishRotation", {
  dryRun,
  passphrase: option(passphrase, { text: "Opens the key of the authority." }),
});

/** `beginRotation(...)`. */
export const beginRotationTable = optionTable("beginRotation", {
  ...rotationTable.options,
  ...validity("that of the present authority"),
  keyType: option(keyTypeText, {
    defaultText: 'as the present one, or `"p256"` when that is of another type',
    text: "Type of the key of the next authority.",
  }),
});

/** The defaults of a rotation. */
export const rotationDefaults = rotationTable.defaults;

/** `diagnose(...)`. */
export const doctorTable = optionTable("diagnose", {
  crlRequired: option(flag, {
    defaultText: "not set",
    text: "The option `crlRequired` of `TlsConfig`, with which both peers run.",
  }),
  identity: identity("without it"),
  host: option(nameText, { defaultText: "not checked", text: "Host under which `B` is dialled." }),
  ownHost: option(nameText, {
    defaultText: "not checked",
    text: "Host under which `A` is dialled.",
  }),
  now,
});

/** `diagnosePeer(...)`. */
export const liveDoctorTable = optionTable("diagnosePeer", {
  identity: identity("without it"),
  host: option(hostText, { required: true, text: "Host that is dialled." }),
  port: option(whole(1, 65_535), { required: true, text: "Port that is dialled." }),
  serverName: option(nameText, {
    defaultText: "`host`",
    text: "Host that the certificate of the peer must cover.",
  }),
  timeout: option(milliseconds(1), { default: 5_000, text: "Time for the TLS handshake." }),
  refusalTimeout: option(milliseconds(0), {
    default: 1_000,
    text: "Time that the peer may take to refuse our certificate.",
  }),
});

/** The defaults of diagnosePeer. */
export const liveDoctorDefaults = liveDoctorTable.defaults;

/** `writePair(...)`. */
export const writePairTable = optionTable("writePair", {
  force: option(flag, { default: false, text: "Replaces files that exist." }),
});
