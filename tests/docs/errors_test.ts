import { assert, assertEquals } from "@std/assert";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readTextFileSync(new URL(path, root));

/** The text of each file of lib, by path. */
function sources(folder = "lib"): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, isDirectory } of Deno.readDirSync(new URL(`${folder}/`, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory) { for (const entry of sources(path)) found.set(...entry); }
    else if (name.endsWith(".ts")) found.set(path, read(path));
  }
  return found;
}

const lib = sources();

/** The codes of a union such as `type AskErrorCode = | "a" | "b"`. */
function union(name: string): string[] {
  for (const text of lib.values()) {
    const match = new RegExp(`export type ${name} =([^;]*);`).exec(text);
    if (match !== null) return [...match[1]!.matchAll(/"(\w+)"/g)].map(([, code]) => code!);
  }
  throw new Error(`lib has no type ${name}`);
}

/** The codes of each section of the page. */
function documented(): Map<string, string[]> {
  const sections = new Map<string, string[]>();
  for (const part of read("docs/errors.md").split(/^## /m).slice(1)) {
    const name = part.slice(0, part.indexOf("\n"));
    sections.set(name, [...part.matchAll(/^\| `(\w+)`/gm)].map(([, code]) => code!));
  }
  return sections;
}

/** Classes without a union of codes: what they throw is read from where it is thrown. */
const single: Readonly<Record<string, readonly string[]>> = {
  OptionError: ["badOption"],
  AskTimeoutError: ["askTimeout"],
};

Deno.test("docs/errors.md has every error class and every code, and no others", () => {
  const classes = new Set(
    [...lib.values()].flatMap((text) =>
      [...text.matchAll(/^export class (\w+) extends (?:Casty|Cluster|Transport)Error/gm)]
        .map(([, name]) => name!)
    ),
  );
  // Their codes stand with those of their base classes.
  for (const derived of ["ClusterTimeoutError", "CertificateRefusedError"]) {
    assert(classes.delete(derived), derived);
  }
  const sections = documented();
  assertEquals(
    [...sections.keys()].sort(),
    [...classes, "CastyError", "Certificate faults", "Reasons of an AskError"].sort(),
  );
  for (const name of classes) {
    const codes = single[name] ?? union(`${name}Code`);
    assertEquals(sections.get(name)!.toSorted(), [...codes].sort(), name);
  }
  assertEquals(sections.get("Certificate faults")!.toSorted(), union("CertificateFault").sort());
});

Deno.test("docs/errors.md has every reason of a failed ask, and no others", () => {
  const reasons = [...union("AskFailureReason"), ...union("DeadLetterReason")];
  assertEquals(documented().get("Reasons of an AskError")!.toSorted(), reasons.sort());
});

Deno.test("docs/errors.md has what is thrown as a CastyError itself", () => {
  const thrown = new Set<string>();
  for (const text of lib.values()) {
    const code = text.replace(/^\s*\*.*$/gm, "");
    for (const [, found] of code.matchAll(/new CastyError\(\s*"(\w+)"/g)) thrown.add(found!);
  }
  assertEquals(documented().get("CastyError")!.toSorted(), [...thrown].sort());
});

Deno.test("every code of a class is used somewhere", () => {
  const unused: string[] = [];
  for (const name of documented().keys()) {
    if (name in single || !name.endsWith("Error") || name === "CastyError") continue;
    if (name.includes(" ")) continue;
    const codes = union(`${name}Code`);
    const declaration = [...lib.values()].find((text) =>
      text.includes(`export type ${name}Code =`)
    )!;
    for (const code of codes) {
      const quoted = `"${code}"`;
      const uses = [...lib.values()].reduce((sum, text) => sum + text.split(quoted).length - 1, 0);
      const declared = /export type \w+ErrorCode =[^;]*;/.exec(declaration)![0];
      if (uses <= (declared.includes(quoted) ? 1 : 0)) unused.push(`${name} ${code}`);
    }
  }
  assertEquals(unused, []);
});
