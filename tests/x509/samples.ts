/**
 * Certificates in the shapes that common tools issue, good and bad ones, and the one verdict that
 * every judge must give of each.
 *
 * @module
 */
import type { CertificateFault } from "../../lib/x509/certificate_fault.ts";
import type { Made, Pki, Template } from "./pki.ts";

/** What one end is given. */
export interface Files {
  /** Leaf and intermediates, PEM or DER. */
  readonly cert: string | Uint8Array;
  /** PEM. */
  readonly key: string;
  /** Trusted authorities, PEM or DER. */
  readonly ca: string | Uint8Array;
  /** Revocation lists, PEM or DER. */
  readonly crl?: string | Uint8Array;
}

/** A certificate and its verdict. */
export interface Sample {
  readonly name: string;
  readonly code: "accepted" | CertificateFault;
  readonly make: (pki: Pki) => Promise<Files>;
  /** A host that it is asked for. */
  readonly host?: string;
  /** Whether a current revocation list is required. Default: false. */
  readonly crlRequired?: true;
  /** Milliseconds after now at which it is judged; the TLS library knows only now. */
  readonly later?: number;
}

const day = 86_400_000;
const san = "subjectAltName=DNS:localhost,IP:127.0.0.1,URI:spiffe://lab/node/node-1";
const both = "extendedKeyUsage=serverAuth,clientAuth";
const node = [
  "basicConstraints=critical,CA:FALSE",
  "keyUsage=critical,digitalSignature",
  both,
  san,
];
const client = [
  "keyUsage=critical,digitalSignature",
  "extendedKeyUsage=clientAuth",
  "subjectAltName=URI:spiffe://lab/client/reports",
];
const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"];
const pss = (salt: number | "digest" = "digest") => [
  "-sigopt",
  "rsa_padding_mode:pss",
  "-sigopt",
  `rsa_pss_saltlen:${salt}`,
];

/** A root and a leaf below it. */
function pair(leaf: Template, root: Template = {}): Sample["make"] {
  return async (pki) => {
    const ca = await pki.root({ extensions: authority, ...root });
    const { cert, key } = await pki.issue(ca, { extensions: node, ...leaf });
    return { cert, key, ca: ca.cert };
  };
}

/** A root, an intermediate and a leaf below that. */
function nested(leaf: Template, middle: Template, root: Template = {}): Sample["make"] {
  return async (pki) => {
    const ca = await pki.root({ extensions: authority, ...root });
    const between = await intermediate(pki, ca, middle);
    const { cert, key } = await pki.issue(between, { extensions: node, ...leaf });
    return { cert: cert + between.cert, key, ca: ca.cert };
  };
}

function intermediate(pki: Pki, issuer: Made, template: Template = {}): Promise<Made> {
  return pki.issue(issuer, {
    key: "p256:intermediate",
    subject: "/CN=lab-intermediate",
    extensions: authority,
    ...template,
  });
}

/** A name constraint of an intermediate. */
function constrained(constraint: string, leaf: Template = {}): Sample["make"] {
  return nested(leaf, { extensions: [...authority, `nameConstraints=critical,${constraint}`] });
}

function names(...alternative: string[]): Template {
  const all = [...alternative, "URI:spiffe://lab/node/node-1"];
  return { extensions: [...node.slice(0, 3), `subjectAltName=${all.join(",")}`] };
}

/** A leaf and a list of its root. */
function listed(
  make: (pki: Pki, ca: Made, leaf: Made) => Promise<string | Uint8Array>,
  root: Template = {},
): Sample["make"] {
  return async (pki) => {
    const ca = await pki.root({ extensions: authority, ...root });
    const leaf = await pki.issue(ca, { extensions: node });
    return { cert: leaf.cert, key: leaf.key, ca: ca.cert, crl: await make(pki, ca, leaf) };
  };
}

const keysAndSignatures: readonly Sample[] = [
  { name: "P-256 throughout", code: "accepted", make: pair({}) },
  {
    name: "P-384 throughout",
    code: "accepted",
    make: pair({ key: "p384:leaf", sign: ["-sha384"] }, { key: "p384" }),
  },
  { name: "P-521 authority with SHA-256", code: "accepted", make: pair({}, { key: "p521" }) },
  {
    name: "P-521 throughout with SHA-512",
    code: "accepted",
    make: pair({ key: "p521:leaf", sign: ["-sha512"] }, { key: "p521" }),
  },
  {
    name: "Ed25519 throughout",
    code: "accepted",
    make: pair({ key: "ed25519:leaf" }, { key: "ed25519" }),
  },
  {
    name: "RSA 2048 throughout",
    code: "accepted",
    make: pair({ key: "rsa2048:leaf" }, { key: "rsa2048" }),
  },
  {
    name: "RSA 3072 with SHA-384",
    code: "accepted",
    make: pair({ sign: ["-sha384"] }, { key: "rsa3072" }),
  },
  {
    name: "RSA 4096 with SHA-512",
    code: "accepted",
    make: pair({ sign: ["-sha512"] }, { key: "rsa4096" }),
  },
  { name: "a leaf with RSA 4096", code: "accepted", make: pair({ key: "rsa4096" }) },
  {
    name: "RSASSA-PSS with SHA-256",
    code: "accepted",
    make: pair({ sign: ["-sha256", ...pss()] }, { key: "rsa2048", sign: ["-sha256", ...pss()] }),
  },
  {
    name: "RSASSA-PSS with SHA-512",
    code: "accepted",
    make: pair({ sign: ["-sha512", ...pss()] }, { key: "rsa2048" }),
  },
  {
    name: "RSASSA-PSS with the longest salt, as openssl makes by default",
    code: "unsupportedAlgorithm",
    make: pair({ sign: ["-sha256", "-sigopt", "rsa_padding_mode:pss"] }, { key: "rsa2048" }),
  },
  {
    name: "RSASSA-PSS with a salt of 20 bytes",
    code: "unsupportedAlgorithm",
    make: pair({ sign: ["-sha256", ...pss(20)] }, { key: "rsa2048" }),
  },
  {
    name: "RSASSA-PSS with another mask",
    code: "unsupportedAlgorithm",
    make: pair({ sign: ["-sha256", ...pss(), "-sigopt", "rsa_mgf1_md:sha512"] }, {
      key: "rsa2048",
    }),
  },
  {
    name: "RSASSA-PSS with SHA-1",
    code: "weakSignature",
    make: pair({ sign: ["-sha1", ...pss()] }, { key: "rsa2048" }),
  },
  {
    name: "an authority with an RSASSA-PSS key",
    code: "unsupportedAlgorithm",
    make: pair({}, { key: "rsaPss" }),
  },
  {
    name: "a leaf with an RSASSA-PSS key",
    code: "unsupportedAlgorithm",
    make: pair({ key: "rsaPss" }),
  },
  { name: "ECDSA with SHA-1", code: "weakSignature", make: pair({ sign: ["-sha1"] }) },
  {
    name: "RSA with SHA-1",
    code: "weakSignature",
    make: pair({ sign: ["-sha1"] }, { key: "rsa2048" }),
  },
  {
    name: "RSA with MD5",
    code: "weakSignature",
    make: pair({ sign: ["-md5"] }, { key: "rsa2048" }),
  },
  { name: "ECDSA with SHA-224", code: "unsupportedAlgorithm", make: pair({ sign: ["-sha224"] }) },
  {
    name: "a root signed by itself with SHA-1",
    code: "accepted",
    make: pair({}, { key: "rsa2048", sign: ["-sha1"] }),
  },
  {
    name: "an intermediate signed with SHA-1",
    code: "weakSignature",
    make: nested({}, { sign: ["-sha1"] }),
  },
  { name: "a leaf with RSA 1024", code: "weakKey", make: pair({ key: "rsa1024" }) },
  { name: "an authority with RSA 1024", code: "weakKey", make: pair({}, { key: "rsa1024" }) },
  { name: "an intermediate with RSA 1024", code: "weakKey", make: nested({}, { key: "rsa1024" }) },
  { name: "a leaf on P-224", code: "weakKey", make: pair({ key: "p224" }) },
  { name: "an authority on P-224", code: "weakKey", make: pair({}, { key: "p224" }) },
  { name: "a leaf on secp256k1", code: "unsupportedAlgorithm", make: pair({ key: "secp256k1" }) },
  {
    name: "an authority on brainpoolP256r1",
    code: "unsupportedAlgorithm",
    make: pair({}, { key: "brainpool" }),
  },
  {
    name: "a leaf on brainpoolP256r1",
    code: "unsupportedAlgorithm",
    make: pair({ key: "brainpool" }),
  },
  { name: "an Ed448 authority", code: "unsupportedAlgorithm", make: pair({}, { key: "ed448" }) },
];

const dates: readonly Sample[] = [
  { name: "a certificate that has ended", code: "expired", make: pair({}), later: 301 * day },
  {
    name: "a certificate whose time has not come",
    code: "notYetValid",
    make: pair({}),
    later: -day,
  },
  {
    name: "an authority that has ended",
    code: "issuerExpired",
    make: pair({}, { days: 200 }),
    later: 250 * day,
  },
  {
    name: "an intermediate that has ended",
    code: "issuerExpired",
    make: nested({}, { days: 100 }),
    later: 200 * day,
  },
];

const usesAndNames: readonly Sample[] = [
  {
    name: "no extended key usage",
    code: "wrongUse",
    make: pair({ extensions: node.filter((line) => line !== both) }),
  },
  {
    name: "anyExtendedKeyUsage",
    code: "wrongUse",
    make: pair({ extensions: node.with(2, "extendedKeyUsage=anyExtendedKeyUsage") }),
  },
  {
    name: "a key usage without signatures",
    code: "wrongUse",
    make: pair({ extensions: node.with(1, "keyUsage=critical,keyEncipherment") }),
  },
  {
    name: "that of an authority",
    code: "wrongUse",
    make: pair({ extensions: [authority[0]!, ...node.slice(2)] }),
  },
  { name: "a client's certificate", code: "accepted", make: pair({ extensions: client }) },
  {
    name: "a node without a host",
    code: "noHost",
    make: pair({ extensions: [...node.slice(0, 3), "subjectAltName=URI:spiffe://lab/node/a"] }),
  },
  {
    name: "two node names",
    code: "noIdentity",
    make: pair(names("DNS:localhost", "URI:spiffe://lab/node/other")),
  },
  {
    name: "a node name of the issuer (issuerAltName) only",
    code: "noIdentity",
    make: pair({
      extensions: [
        ...node.slice(0, 3),
        "subjectAltName=DNS:localhost",
        "issuerAltName=URI:spiffe://lab/node/node-1",
      ],
    }),
  },
  {
    name: "a host of the issuer (issuerAltName)",
    code: "wrongHost",
    make: pair({ extensions: [...node, "issuerAltName=DNS:db-9"] }),
    host: "db-9",
  },
  {
    name: "a version 1 certificate",
    code: "noIdentity",
    make: pair({ extensions: [] }),
  },
  {
    name: "all extensions critical that may be",
    code: "accepted",
    make: pair({
      extensions: [
        ...node.slice(0, 2),
        both.replace("=", "=critical,"),
        san.replace("=", "=critical,"),
      ],
    }),
  },
  {
    name: "critical certificate policies of the leaf",
    code: "unknownCriticalExtension",
    make: pair({ extensions: [...node, "certificatePolicies=critical,1.2.3.4"] }),
  },
  {
    name: "an unknown critical extension of the leaf",
    code: "unknownCriticalExtension",
    make: pair({ extensions: [...node, "1.2.3.4.5=critical,ASN1:NULL"] }),
  },
  {
    name: "an unknown critical extension of the root",
    code: "unknownCriticalExtension",
    make: pair({}, { extensions: [...authority, "1.2.3.4.5=critical,ASN1:NULL"] }),
  },
  {
    name: "critical policies of an intermediate",
    code: "unknownCriticalExtension",
    make: nested({}, { extensions: [...authority, "certificatePolicies=critical,1.2.3.4"] }),
  },
  {
    name: "a critical OCSP must-staple",
    code: "unknownCriticalExtension",
    make: pair({ extensions: [...node, "tlsfeature=critical,status_request"] }),
  },
  { name: "another host", code: "wrongHost", make: pair({}), host: "db-9" },
  { name: "its IP address", code: "accepted", make: pair({}), host: "127.0.0.1" },
  {
    name: "a wildcard and one label more",
    code: "accepted",
    make: pair(names("DNS:*.example.com")),
    host: "a.example.com",
  },
  {
    name: "a wildcard and two labels more",
    code: "wrongHost",
    make: pair(names("DNS:*.example.com")),
    host: "a.b.example.com",
  },
  {
    name: "an internationalised name asked for in Unicode",
    code: "accepted",
    make: pair(names("DNS:xn--bcher-kva.example")),
    host: "bücher.example",
  },
  {
    name: "an internationalised wildcard asked for in ASCII",
    code: "accepted",
    make: pair(names("DNS:*.xn--bcher-kva.example")),
    host: "a.xn--bcher-kva.example",
  },
];

const chains: readonly Sample[] = [
  { name: "one intermediate", code: "accepted", make: nested({}, {}) },
  {
    name: "an intermediate that is missing",
    code: "untrusted",
    make: async (pki) => {
      const files = await nested({}, {})(pki);
      return {
        ...files,
        cert: String(files.cert).slice(0, String(files.cert).indexOf("-----END") + 26),
      };
    },
  },
  {
    name: "another authority of the same name and key type",
    code: "untrusted",
    make: async (pki) => {
      const files = await pair({})(pki);
      return { ...files, ca: (await pki.root({ key: "p256:other", extensions: authority })).cert };
    },
  },
  {
    name: "signed by itself",
    code: "untrusted",
    make: async (pki) => {
      const { cert, key } = await pki.root({ key: "p256:leaf", extensions: node });
      return { cert, key, ca: (await pki.root({ extensions: authority })).cert };
    },
  },
  {
    name: "an authority below path length 0 of the root",
    code: "pathLength",
    make: nested({}, {}, {
      extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", authority[1]!],
    }),
  },
  {
    name: "a root that may not sign certificates",
    code: "issuerNotAuthority",
    make: pair({}, { extensions: [authority[0]!, "keyUsage=critical,cRLSign"] }),
  },
  {
    name: "an intermediate without CA:TRUE",
    code: "issuerNotAuthority",
    make: nested({}, { extensions: ["keyUsage=critical,keyCertSign"] }),
  },
  {
    name: "a leaf among the authorities",
    code: "issuerNotAuthority",
    make: async (pki) => {
      const files = await pair({})(pki);
      return { ...files, ca: `${files.ca}${files.cert}` };
    },
  },
  {
    name: "an intermediate for servers only",
    code: "issuerWrongUse",
    make: nested({}, { extensions: [...authority, "extendedKeyUsage=serverAuth"] }),
  },
  {
    name: "an intermediate for any use by anyExtendedKeyUsage",
    code: "tlsUnsupported",
    make: nested({}, { extensions: [...authority, "extendedKeyUsage=anyExtendedKeyUsage"] }),
  },
  {
    name: "root, intermediate and leaf in the wrong order, and the root among them",
    code: "accepted",
    make: async (pki) => {
      const { cert, key, ca } = await nested({}, {})(pki);
      return { cert: String(ca) + String(cert), key, ca };
    },
  },
  {
    name: "150 authorities in a bundle, ours last",
    code: "accepted",
    make: async (pki) => {
      const { cert, key, ca } = await nested({}, {})(pki);
      const other = await pki.root({
        key: "p256:other",
        subject: "/CN=other",
        extensions: authority,
      });
      return { cert, key, ca: other.cert.repeat(150) + ca };
    },
  },
];

const constraints: readonly Sample[] = [
  { name: "DNS constraint kept", code: "accepted", make: constrained("permitted;DNS:localhost") },
  {
    name: "DNS and IP constraints kept",
    code: "accepted",
    make: constrained("permitted;DNS:localhost,permitted;IP:127.0.0.0/255.0.0.0,excluded;DNS:evil"),
  },
  {
    name: "DNS constraint broken",
    code: "nameConstraint",
    make: constrained("permitted;DNS:.example.org"),
  },
  {
    name: "DNS constraint broken in its middle of a label",
    code: "nameConstraint",
    make: constrained("permitted;DNS:example.org", names("DNS:badexample.org")),
  },
  {
    name: "DNS exclusion broken by a wildcard",
    code: "nameConstraint",
    make: constrained("excluded;DNS:a.example.org", names("DNS:*.example.org")),
  },
  {
    name: "IP constraint broken",
    code: "nameConstraint",
    make: constrained("permitted;IP:10.0.0.0/255.0.0.0"),
  },
  {
    name: "IP constraint of the other family",
    code: "nameConstraint",
    make: constrained("permitted;IP:::/::"),
  },
  {
    name: "a constraint of the root broken",
    code: "nameConstraint",
    make: pair({}, {
      extensions: [...authority, "nameConstraints=critical,permitted;DNS:.example.org"],
    }),
  },
  {
    name: "URI constraint broken",
    code: "nameConstraint",
    make: constrained("permitted;URI:other"),
  },
  {
    name: "URI constraint kept, which TLS on Deno does not check",
    code: "tlsUnsupported",
    make: constrained("permitted;URI:lab"),
  },
  {
    name: "URI exclusion kept, which TLS on Deno does not check",
    code: "tlsUnsupported",
    make: constrained("excluded;URI:other"),
  },
  {
    name: "a directory name constraint, which TLS on Deno does not check",
    code: "tlsUnsupported",
    make: nested({ subject: "/O=acme/CN=node-1" }, {
      extensions: [...authority, "nameConstraints=critical,permitted;dirName:dn", "[dn]", "O=acme"],
    }),
  },
];

const lists: readonly Sample[] = [
  {
    name: "a list without it",
    code: "accepted",
    make: listed((pki, ca) => pki.list(ca, [])),
    crlRequired: true,
  },
  { name: "revoked", code: "revoked", make: listed((pki, ca, leaf) => pki.list(ca, [leaf])) },
  {
    name: "revoked by a list in DER",
    code: "revoked",
    make: listed(async (pki, ca, leaf) => await pki.der(await pki.list(ca, [leaf]))),
  },
  {
    name: "revoked by an outdated list",
    code: "revoked",
    make: listed((pki, ca, leaf) => pki.list(ca, [leaf], { outdated: true })),
  },
  {
    name: "revoked by a list with RSA and SHA-384",
    code: "revoked",
    make: listed((pki, ca, leaf) => pki.list(ca, [leaf], { sign: ["-md", "sha384"] }), {
      key: "rsa2048",
    }),
  },
  {
    name: "revoked by a list of a P-521 authority",
    code: "revoked",
    make: listed((pki, ca, leaf) => pki.list(ca, [leaf]), { key: "p521" }),
  },
  {
    name: "an outdated list where one is required",
    code: "noRevocationList",
    make: listed((pki, ca) => pki.list(ca, [], { outdated: true })),
    crlRequired: true,
  },
  {
    name: "an outdated list where none is required",
    code: "accepted",
    make: listed((pki, ca) => pki.list(ca, [], { outdated: true })),
  },
  {
    name: "the list of another authority",
    code: "badRevocationList",
    make: listed(async (pki) => {
      const other = await pki.root({ key: "p256:other", subject: "/CN=o", extensions: authority });
      return await pki.list(other, []);
    }),
  },
  {
    name: "a revoked intermediate",
    code: "revoked",
    make: async (pki) => {
      const ca = await pki.root({ extensions: authority });
      const between = await intermediate(pki, ca);
      const { cert, key } = await pki.issue(between, { extensions: node });
      return { cert: cert + between.cert, key, ca: ca.cert, crl: await pki.list(ca, [between]) };
    },
  },
  {
    name: "no list of the intermediate where lists are required",
    code: "noRevocationList",
    make: async (pki) => {
      const ca = await pki.root({ extensions: authority });
      const between = await intermediate(pki, ca);
      const { cert, key } = await pki.issue(between, { extensions: node });
      return { cert: cert + between.cert, key, ca: ca.cert, crl: await pki.list(ca, []) };
    },
    crlRequired: true,
  },
];

const keyIdentifiers = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"];
const webServer = "keyUsage=critical,digitalSignature,keyEncipherment";

const tools: readonly Sample[] = [
  {
    name: "cert-manager: no subject, critical names, RSA key of PKCS#1, chain in tls.crt",
    code: "accepted",
    make: async (pki) => {
      const ca = await pki.root({ subject: "/CN=selfsigned-ca", extensions: authority });
      const between = await intermediate(pki, ca, { subject: "/CN=issuing-ca" });
      const leaf = await pki.issue(between, {
        key: "rsa2048:leaf",
        subject: "/",
        extensions: [
          webServer,
          "basicConstraints=critical,CA:FALSE",
          ...keyIdentifiers,
          both,
          san.replace("=", "=critical,"),
        ],
      });
      return { cert: leaf.cert + between.cert, key: await pki.traditionalKey(leaf), ca: ca.cert };
    },
  },
  {
    name: "cert-manager: default usages are those of a server's certificate",
    code: "wrongUse",
    make: pair({ extensions: [webServer, san] }),
  },
  {
    name: "Vault: RSA 2048, intermediate, AIA and CRL distribution points, ca_chain with the root",
    code: "accepted",
    make: async (pki) => {
      const ca = await pki.root({
        key: "rsa2048",
        subject: "/CN=example.com",
        extensions: authority,
      });
      const between = await intermediate(pki, ca, {
        key: "rsa2048:intermediate",
        extensions: [...authority, ...keyIdentifiers],
      });
      const leaf = await pki.issue(between, {
        key: "rsa2048:leaf",
        extensions: [
          "keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement",
          both,
          ...keyIdentifiers,
          "authorityInfoAccess=caIssuers;URI:https://vault:8200/v1/pki/ca",
          "crlDistributionPoints=URI:https://vault:8200/v1/pki/crl",
          san,
        ],
      });
      return { cert: leaf.cert + between.cert + ca.cert, key: leaf.key, ca: ca.cert };
    },
  },
  {
    name: "Vault: a role without client_flag",
    code: "wrongUse",
    make: pair(
      { key: "rsa2048:leaf", extensions: [webServer, "extendedKeyUsage=serverAuth", san] },
      { key: "rsa2048" },
    ),
  },
  {
    name: "SPIRE: an SVID with an ID of its own",
    code: "noIdentity",
    make: pair({
      subject: "/C=US/O=SPIRE",
      extensions: [
        "keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement",
        both,
        "basicConstraints=critical,CA:FALSE",
        "subjectAltName=URI:spiffe://example.org/ns/prod/sa/web",
      ],
    }, {
      subject: "/C=US/O=SPIFFE",
      extensions: [...authority, "subjectAltName=URI:spiffe://example.org"],
    }),
  },
  {
    name: "SPIRE: a client's ID, authority with a URI name",
    code: "accepted",
    make: pair({
      subject: "/C=US/O=SPIRE",
      extensions: [
        "keyUsage=critical,digitalSignature,keyEncipherment,keyAgreement",
        both,
        "basicConstraints=critical,CA:FALSE",
        "subjectAltName=URI:spiffe://lab/client/reports",
      ],
    }, {
      subject: "/C=US/O=SPIFFE",
      extensions: [...authority, "subjectAltName=URI:spiffe://lab"],
    }),
  },
  {
    name: "SPIFFE: nested authorities with a URI constraint",
    code: "tlsUnsupported",
    make: nested({}, {
      extensions: [
        ...authority,
        "subjectAltName=URI:spiffe://lab",
        "nameConstraints=critical,permitted;URI:lab",
      ],
    }),
  },
  {
    name: "easy-rsa: RSA, text before the PEM block, issuer and serial in the key identifier",
    code: "accepted",
    make: async (pki) => {
      const ca = await pki.root({
        key: "rsa2048",
        subject: "/CN=Easy-RSA CA",
        extensions: [
          "basicConstraints=CA:TRUE",
          "keyUsage=cRLSign,keyCertSign",
          "subjectKeyIdentifier=hash",
          "authorityKeyIdentifier=keyid:always,issuer:always",
        ],
      });
      const leaf = await pki.issue(ca, {
        key: "rsa2048:leaf",
        extensions: [
          "basicConstraints=CA:FALSE",
          "subjectKeyIdentifier=hash",
          "authorityKeyIdentifier=keyid,issuer:always",
          both,
          "keyUsage=digitalSignature,keyEncipherment",
          san,
        ],
      });
      return { cert: await pki.withText(leaf), key: leaf.key, ca: await pki.withText(ca) };
    },
  },
  {
    name: "easy-rsa: a server's certificate",
    code: "wrongUse",
    make: pair({
      key: "rsa2048:leaf",
      extensions: [
        "basicConstraints=CA:FALSE",
        "extendedKeyUsage=serverAuth",
        "keyUsage=digitalSignature,keyEncipherment",
        san,
      ],
    }, { key: "rsa2048" }),
  },
  {
    name: "mkcert -client: RSA 3072 root of path length 0, no common name",
    code: "accepted",
    make: pair({
      key: "rsa2048:leaf",
      subject: "/O=mkcert development certificate/OU=me@host",
      extensions: [webServer, both, "authorityKeyIdentifier=keyid", san],
    }, {
      key: "rsa3072",
      subject: "/O=mkcert development CA/OU=me@host/CN=mkcert me@host",
      extensions: [
        "basicConstraints=critical,CA:TRUE,pathlen:0",
        "keyUsage=critical,keyCertSign",
        "subjectKeyIdentifier=hash",
      ],
    }),
  },
  {
    name: "mkcert: without -client",
    code: "wrongUse",
    make: pair(
      { key: "rsa2048:leaf", extensions: [webServer, "extendedKeyUsage=serverAuth", san] },
      { key: "rsa3072" },
    ),
  },
  {
    name: "mkcert: without our URI",
    code: "noIdentity",
    make: pair({
      key: "rsa2048:leaf",
      extensions: [webServer, both, "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    }, { key: "rsa3072" }),
  },
  {
    name: "certtool (GnuTLS): Ed25519, serial of 20 bytes",
    code: "accepted",
    make: pair({
      key: "ed25519:leaf",
      serial: "0x4C3F1A2B00112233445566778899AABBCCDDEEFF",
      extensions: [
        "basicConstraints=critical,CA:FALSE",
        both,
        san,
        "keyUsage=critical,digitalSignature",
        ...keyIdentifiers,
      ],
    }, { key: "ed25519", subject: "/CN=GnuTLS CA/O=lab" }),
  },
  {
    name: "certtool (GnuTLS): RSASSA-PSS signatures with an RSA key",
    code: "accepted",
    make: pair({ key: "rsa3072:leaf", sign: ["-sha384", ...pss()] }, {
      key: "rsa3072",
      sign: ["-sha384", ...pss()],
    }),
  },
  {
    name: "keytool (Java): RSA 3072 with SHA-384, PrintableString, chain with the root first",
    code: "accepted",
    make: async (pki) => {
      const request = ["string_mask=MASK:0x2", "[dn]"];
      const ca = await pki.root({
        key: "rsa3072",
        subject: "/C=DE/O=lab/CN=root",
        request,
        sign: ["-sha384"],
        extensions: ["subjectKeyIdentifier=hash", ...authority],
      });
      const leaf = await pki.issue(ca, {
        key: "rsa3072:leaf",
        subject: "/C=DE/O=lab/CN=node",
        request,
        sign: ["-sha384"],
        extensions: [...keyIdentifiers, both, "keyUsage=digitalSignature", san],
      });
      return { cert: ca.cert + leaf.cert, key: leaf.key, ca: ca.cert };
    },
  },
  {
    name: "keytool (Java): -exportcert writes DER",
    code: "accepted",
    make: async (pki) => {
      const { cert, key, ca } = await pair({})(pki);
      return { cert: await pki.der(String(cert)), key, ca: await pki.der(String(ca)) };
    },
  },
  {
    name: "step-ca: P-256 chain, an extension of its own, 24 hours",
    code: "accepted",
    make: nested(
      {
        days: 1,
        extensions: [
          ...node.slice(1),
          ...keyIdentifiers,
          "1.3.6.1.4.1.37476.9000.64.1=ASN1:UTF8String:provisioner",
        ],
      },
      { extensions: ["basicConstraints=critical,CA:TRUE,pathlen:0", authority[1]!] },
      {
        extensions: ["basicConstraints=critical,CA:TRUE,pathlen:1", authority[1]!],
      },
    ),
  },
  {
    name: "AD CS: BMPString names, template extensions, UPN, RSA",
    code: "accepted",
    make: async (pki) => {
      const request = ["string_mask=MASK:0x800", "utf8=yes", "[dn]"];
      const ca = await pki.root({
        key: "rsa2048",
        subject: "/DC=lab/CN=Bücher Ausstellung",
        request: [
          "string_mask=MASK:0x800",
          "utf8=yes",
          "prompt=no",
          "[dn]",
          "CN=Bücher Ausstellung",
        ].slice(0, 2).concat("[dn]"),
        extensions: [...authority, "1.3.6.1.4.1.311.21.1=ASN1:INTEGER:0"],
      });
      const leaf = await pki.issue(ca, {
        key: "rsa2048:leaf",
        subject: "/CN=Knoten 1",
        request,
        extensions: [
          "keyUsage=critical,digitalSignature,keyEncipherment",
          both,
          "1.3.6.1.4.1.311.21.7=ASN1:UTF8String:template",
          "1.3.6.1.4.1.311.21.10=ASN1:UTF8String:policies",
          "crlDistributionPoints=URI:ldap:///CN=lab",
          `${san},otherName:1.3.6.1.4.1.311.20.2.3;UTF8:node-1@lab`,
        ],
      });
      return { cert: await pki.der(leaf.cert), key: leaf.key, ca: await pki.der(ca.cert) };
    },
  },
  {
    name: "AD CS: alternate signature format with SHA-256",
    code: "accepted",
    make: pair({ key: "rsa2048:leaf", sign: ["-sha256", ...pss(32)] }, {
      key: "rsa2048",
      sign: ["-sha256", ...pss(32)],
    }),
  },
  {
    name: "AD CS: alternate signature format with SHA-1",
    code: "weakSignature",
    make: pair({ key: "rsa2048:leaf", sign: ["-sha1", ...pss(20)] }, { key: "rsa2048" }),
  },
  {
    name: "AD CS: a computer's certificate without our URI",
    code: "noIdentity",
    make: pair({
      key: "rsa2048:leaf",
      extensions: [webServer, both, "subjectAltName=DNS:node-1.lab.local"],
    }, { key: "rsa2048" }),
  },
  {
    name: "an old PKI: T61String names",
    code: "accepted",
    make: pair(
      { subject: "/CN=Büro", request: ["string_mask=MASK:0x4", "utf8=yes", "[dn]"] },
      { subject: "/CN=Bücher", request: ["string_mask=MASK:0x4", "utf8=yes", "[dn]"] },
    ),
  },
];

/** All of them. */
export const samples: readonly Sample[] = [
  ...keysAndSignatures,
  ...dates,
  ...usesAndNames,
  ...chains,
  ...constraints,
  ...lists,
  ...tools,
];
