/** What a tool that we cannot run puts into a certificate; openssl makes the same. */
export interface Shape {
  /** Paths of certificate and key. */
  readonly cert: string;
  readonly key: string;
  readonly subject: string;
  readonly names: string;
  readonly usages: string;
  readonly keyUsage?: string;
  /** Further lines of the section of extensions. */
  readonly more?: readonly string[];
}

/** The certificates of one section of the page, below one authority. */
export interface Shapes {
  readonly ca: string;
  readonly authority: { readonly subject: string; readonly key: string; readonly names?: string };
  readonly certificates: readonly Shape[];
}

const ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256";
const rsa = "-newkey rsa:2048";
const both = "serverAuth,clientAuth";

/** By the heading of the section. */
export const shapes: Readonly<Record<string, readonly Shapes[]>> = {
  "cert-manager": [{
    ca: "tls/ca.crt",
    authority: { subject: "/CN=shop-ca", key: ec },
    certificates: [{
      cert: "tls/tls.crt",
      key: "tls/tls.key",
      subject: "/",
      names: "DNS:casty-1.casty.prod.svc.cluster.local,URI:spiffe://shop/node/casty-1",
      usages: both,
    }],
  }, {
    ca: "dns/ca.crt",
    authority: { subject: "/CN=shop-ca", key: ec },
    certificates: [{
      cert: "dns/tls.crt",
      key: "dns/tls.key",
      subject: "/",
      names: "DNS:casty-1.casty.prod.svc.cluster.local",
      usages: both,
    }],
  }],
  "Vault": [{
    ca: "ca.crt",
    authority: { subject: "/CN=shop-ca", key: rsa },
    certificates: [{
      cert: "casty-1.crt",
      key: "casty-1.key",
      subject: "/CN=casty-1.casty.example",
      names: "DNS:casty-1.casty.example,IP:127.0.0.1,URI:spiffe://shop/node/casty-1",
      usages: both,
      keyUsage: "digitalSignature,keyEncipherment,keyAgreement",
    }, {
      cert: "casty-2.crt",
      key: "casty-2.key",
      subject: "/CN=casty-2.casty.example",
      names: "DNS:casty-2.casty.example,IP:127.0.0.1",
      usages: both,
      keyUsage: "digitalSignature,keyEncipherment,keyAgreement",
    }, {
      cert: "till.crt",
      key: "till.key",
      subject: "/CN=till.clients.example",
      names: "DNS:till.clients.example",
      usages: "clientAuth",
      keyUsage: "digitalSignature,keyEncipherment,keyAgreement",
    }],
  }],
  "SPIRE": [{
    ca: "svid/bundle.0.pem",
    authority: { subject: "/C=US/O=SPIFFE", key: ec, names: "URI:spiffe://example.org" },
    certificates: [{
      cert: "svid/svid.0.pem",
      key: "svid/svid.0.key",
      subject: "/C=US/O=SPIRE/x500UniqueIdentifier=1/CN=casty-1.casty.prod.svc.cluster.local",
      names: "URI:spiffe://example.org/ns/prod/sa/casty,DNS:casty-1.casty.prod.svc.cluster.local",
      usages: both,
      keyUsage: "digitalSignature,keyEncipherment,keyAgreement",
    }],
  }],
  "step": [{
    ca: "ca.crt",
    authority: { subject: "/CN=shop-ca", key: ec },
    certificates: [{
      cert: "casty-1.crt",
      key: "casty-1.key",
      subject: "/CN=casty-1",
      names: "DNS:casty-1,IP:127.0.0.1,URI:spiffe://shop/node/casty-1",
      usages: both,
    }, {
      cert: "till.crt",
      key: "till.key",
      subject: "/CN=till",
      names: "DNS:till.clients.example",
      usages: both,
    }],
  }],
  "Active Directory Certificate Services": [{
    ca: "ca.crt",
    authority: { subject: "/DC=example/DC=corp/CN=corp-CA", key: rsa },
    certificates: [{
      cert: "casty-1.crt",
      key: "casty-1.key",
      subject: "/CN=casty-1.corp.example",
      names: "DNS:casty-1.corp.example,URI:spiffe://shop/node/casty-1",
      usages: both,
      more: microsoft(),
    }, {
      cert: "auto.crt",
      key: "auto.key",
      subject: "/CN=casty-1.corp.example",
      names: "DNS:casty-1.corp.example",
      usages: both,
      more: microsoft(),
    }],
  }],
};

/** Template, application policies, and the SID of the account (KB5014754). */
function microsoft(): string[] {
  return [
    "1.3.6.1.4.1.311.21.7=ASN1:SEQUENCE:template",
    "1.3.6.1.4.1.311.21.10=ASN1:SEQUENCE:policies",
    "1.3.6.1.4.1.311.25.2=ASN1:OCTETSTRING:S-1-5-21-1-2-3-1001",
    "[template]",
    "id=OID:1.3.6.1.4.1.311.21.8.1.2.3",
    "major=INTEGER:100",
    "minor=INTEGER:4",
    "[policies]",
    "server=SEQUENCE:policy",
    "[policy]",
    "id=OID:1.3.6.1.5.5.7.3.1",
  ];
}

/** Makes the certificates in a folder. */
export async function makeShapes(folder: string, { ca, authority, certificates }: Shapes) {
  const lines = [
    "umask 077",
    ...[ca, ...certificates.map(({ cert }) => cert)].map((path) => `mkdir -p "$(dirname ${path})"`),
    `openssl req -x509 ${authority.key} -nodes -keyout ${ca}.key -out ${ca} -days 90 ` +
    `-subj '${authority.subject}' -addext keyUsage=critical,keyCertSign,cRLSign` +
    (authority.names === undefined ? "" : ` -addext subjectAltName=${authority.names}`),
  ];
  for (const { cert, key, subject, names, usages, keyUsage, more = [] } of certificates) {
    const extensions = [
      "basicConstraints=critical,CA:FALSE",
      `keyUsage=critical,${keyUsage ?? "digitalSignature"}`,
      `extendedKeyUsage=${usages}`,
      // RFC 5280, 4.2.1.6: critical where there is no subject.
      `subjectAltName=${subject === "/" ? "critical," : ""}${names}`,
      "subjectKeyIdentifier=hash",
      "authorityKeyIdentifier=keyid",
      ...more,
    ];
    await Deno.mkdir(`${folder}/${cert}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await Deno.writeTextFile(`${folder}/${cert}.ext`, extensions.join("\n"));
    lines.push(
      `openssl req -new ${ec} -nodes -keyout ${key} -out ${cert}.csr -subj '${subject}'`,
      `openssl x509 -req -in ${cert}.csr -CA ${ca} -CAkey ${ca}.key -CAcreateserial -days 30 ` +
        `-extfile ${cert}.ext -out ${cert}`,
    );
  }
  await shell(folder, lines.join("\n"));
}

/** Runs lines of a page in a folder; they must succeed. */
export async function shell(cwd: string, script: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-euo", "pipefail", "-c", script],
    cwd,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  if (!success) throw new Error(`${script}\n${said}`);
}
