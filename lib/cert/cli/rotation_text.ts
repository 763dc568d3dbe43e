import { command } from "../tool_command.ts";
import type { RotationStep } from "../rotation/rotation.ts";
import type { RotationStatus } from "../rotation/rotation_state.ts";
import { crlNames } from "../authority/workspace.ts";

/** The output of `rotate-ca status`. */
export function rotationText(root: string, status: RotationStatus): string {
  const { phase, current, other, leaves, caDir } = status;
  const phases = {
    idle: "no rotation is under way",
    begun: "all peers must trust both authorities; the old one still signs",
    signed: "the new authority signs; the old one is still trusted",
  };
  const rows = [`Phase: ${phase} (${phases[phase]})`, `Signs: ${short(current)} (${caDir}/ca.crt)`];
  if (other !== undefined) rows.push(`${phase === "begun" ? "Next" : "Old"}: ${short(other)}`);
  const names = {
    current: phase === "begun" ? "the old one" : phase === "signed" ? "the new one" : "it",
    next: "the next one",
    previous: "the old one",
    other: "another authority",
  };
  const width = Math.max(0, ...leaves.map(({ certFile }) => certFile.length));
  for (const { certFile, issuedBy, trusts, trustFile } of leaves) {
    const trusted = trustFile === undefined
      ? "no ca.crt of its own"
      : `trusts ${trusts.map((role) => names[role]).join(" and ") || "none of them"}`;
    rows.push(`${certFile.padEnd(width)}  issued by ${names[issuedBy]}, ${trusted}`);
  }
  return `${rows.join("\n")}\n${nextText(root, status)}`;
}

/** The plan of a phase. */
export function dryText({ phase, written, skipped }: RotationStep): string {
  const rows = written.length === 0
    ? ["Nothing would be done."]
    : written.map((file) => `Would write: ${file}`);
  rows.push(...skipped.map(({ file, why }) => `Would leave alone: ${file}: ${why}`));
  return `${rows.join("\n")}\nPhase afterwards: ${phase}. Nothing was written.\n`;
}

/** The result of a phase, and the steps before the next one. */
export function stepText(root: string, step: RotationStep, status: RotationStatus): string {
  const rows = step.written.length === 0
    ? ["Nothing was to be done."]
    : step.written.map((file) => `Written: ${file}`);
  rows.push(...step.skipped.map(({ file, why }) => `Left alone: ${file}: ${why}`));
  const lists = step.written.filter((file) => crlNames.some((name) => file.endsWith(`/${name}`)));
  return `${rows.join("\n")}\n${nextText(root, status, lists)}`;
}

function nextText(
  root: string,
  { phase, leaves }: RotationStatus,
  lists: readonly string[] = [],
): string {
  const run = (phase: string) => command("rotate-ca", phase, root);
  if (phase === "idle") return `\nNext: ${run("begin")}, when the authority is to be replaced\n`;
  const begun = phase === "begun";
  const served = leaves.filter(({ revoked }) => begun || !revoked);
  const files = served.map(({ directory, certFile, keyFile, trustFile }) => {
    const shipped = begun ? [trustFile] : [certFile, keyFile];
    const names = shipped.flatMap((file) => file?.slice(file.lastIndexOf("/") + 1) ?? []);
    return names.length === 0 ? "" : `     ${directory}: ${names.join(", ")}\n`;
  });
  const pinned = begun && leaves.some(({ trustFile }) => trustFile === undefined)
    ? "     wherever a ca.crt was copied to: the new one of the authority's folder\n"
    : "";
  const copies = lists.map((file) => `     wherever nodes read a revocation list: ${file}\n`).join(
    "",
  );
  return `\nBefore the next phase:
  1. Copy to every node and client the files of its folder:
${
    files.join("")
  }${pinned}${copies}  2. Load them: a node that watches its files does so automatically; restart others one after
     the other.
  3. Check each: ${command("doctor", "FOLDER", "--connect", "HOST:PORT")}

Next: ${run(begun ? "sign" : "finish")}\n`;
}

function short(fingerprint: string): string {
  return `SHA-256 ${fingerprint.slice(0, 16)}...`;
}
