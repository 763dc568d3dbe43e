import { command } from "../tool_command.ts";
import type { CertificateReading } from "../../x509/certificate.ts";
import { identityOfSide } from "./doctor_certificate.ts";
import type { CertificateClass } from "../../x509/identity.ts";
import { type DoctorSide, folderOf } from "./doctor_side.ts";

/** The command that reissues a peer's certificate, for its names and additional ones. */
export function reissueRemedy(
  side: DoctorSide,
  { hosts = [], kind = kindOf(side), under = side }: {
    readonly hosts?: readonly string[];
    readonly kind?: CertificateClass;
    /** Whose authority is to issue it. */
    readonly under?: DoctorSide;
  } = {},
): string {
  const { commonName, isAuthority } = side.leaf;
  const out = side.certFile === undefined ? "ITS_FOLDER" : folderOf(side.certFile);
  const end = ["--ca-dir", under.authorityDir ?? "CA_FOLDER", "--out", out, "--force"];
  if (kind !== "node") {
    // The name of an authority is not that of a client.
    const shown = isAuthority ? undefined : plain(commonName);
    const name = plain(identityOfSide(side)?.name) ?? shown ?? "NAME";
    return command(`create-${kind}`, name, ...end);
  }
  // In their order: the first one is the node's name.
  const names = [...new Set([...hostsOf(side.leaf), ...hosts])];
  return command("create-node", ...(names.length === 0 ? ["HOST"] : names), ...end);
}

/** The hosts that a certificate covers, in its order. */
export function hostsOf({ hosts }: CertificateReading): readonly string[] {
  return hosts;
}

/** The apparent purpose of a certificate. */
export function kindOf(side: Pick<DoctorSide, "leaf" | "mapper">): CertificateClass {
  return identityOfSide(side)?.kind ?? (side.leaf.hosts.length > 0 ? "node" : "client");
}

function plain(name: string | undefined): string | undefined {
  return name !== undefined && /^[A-Za-z0-9._-]{1,64}$/.test(name) ? name : undefined;
}
