import { platform } from "../../runtime/platform.ts";
import { certificateJson, jsonText, revocationListJson } from "./certificate_json.ts";
import { type FoundItem, itemsIn, itemsOf, readInput } from "../authority/certificate_search.ts";
import { infoText, revocationListText } from "./cli_text.ts";
import type { Command } from "./command.ts";
import { plainPath } from "./command_arguments.ts";

const usage = `Says what certificates and revocation lists say.

Examples:
  deno run -A cert.ts info certs/node-1/node.crt
  deno run -A cert.ts info certs/ca.crl
  deno run -A cert.ts info certs --json
  kubectl get secret ... | deno run -A cert.ts info -

Arguments:
  FILE              a PEM file with one or more of them, a directory (*.crt, *.pem, *.crl of it and
                    its folders), or - for standard input

Options:
  --json            output for programs: a list of { file, certificate }, { file, revocationList }
                    or { file, problem }

Exit codes: 0 done, 1 something could not be read, 2 wrong use.
`;

/** `info`. */
export const infoCommand: Command = {
  name: "info",
  summary: "say what a certificate or a revocation list says",
  usage,
  options: { texts: [], switches: ["json"] },
  run: async (args, io) => {
    args.expectPositional(1, 1, "one file or directory");
    const path = plainPath(args.positional[0]!);
    const isDirectory = path !== "-" &&
      await platform.files.stat(path).then((stat) => stat.isDirectory, () => false);
    const items = isDirectory
      ? await itemsIn(path)
      : await itemsOf(path, await readInput(path, io, "certificate not found"));
    const exitCode = items.some((item) => "problem" in item) ? 1 : 0;
    if (args.on("json")) return { exitCode, stdout: jsonText(items.map(itemJson)) };
    const now = new Date();
    const text = items.map((item) => itemText(item, now)).join("\n");
    return { exitCode, stdout: text === "" ? `No certificates found in ${path}\n` : text };
  },
};

function itemJson(item: FoundItem): unknown {
  const { file } = item;
  if ("certificate" in item) return { file, certificate: certificateJson(item.certificate) };
  if ("problem" in item) return item;
  return { file, revocationList: revocationListJson(item.revocationList) };
}

function itemText(item: FoundItem, now: Date): string {
  if ("certificate" in item) return infoText(item.file, item.certificate, now);
  if ("problem" in item) return `Unreadable:  ${item.problem}\n`;
  return revocationListText(item.file, item.revocationList, now);
}
