import { AltName, type Certificate } from "pkijs";
import { ipText } from "./host_names.ts";

/** A name in the extension subjectAltName. */
export interface AlternativeName {
  readonly type: "dns" | "ip" | "uri" | "email" | "directory" | "other";
  /** Empty where it is not compared with anything. */
  readonly text: string;
  /** The address; only of an IP address. */
  readonly bytes?: Uint8Array;
}

/** By the tag of a GeneralName. */
export const nameTypes: Readonly<Record<number, AlternativeName["type"]>> = {
  1: "email",
  2: "dns",
  4: "directory",
  6: "uri",
  7: "ip",
};

/** The alternative names of a certificate, in their order. */
export function alternativeNames({ extensions = [] }: Certificate): AlternativeName[] {
  return extensions.flatMap(({ parsedValue }) => {
    return parsedValue instanceof AltName ? parsedValue.altNames : [];
  }).map(({ type, value }) => {
    const name = nameTypes[type] ?? "other";
    if (name !== "ip") return { type: name, text: typeof value === "string" ? value : "" };
    const bytes = new Uint8Array(value.valueBlock.valueHexView ?? []);
    return { type: name, text: ipText(bytes) ?? "", bytes };
  });
}
