import { readText } from "../authority/certificate_files.ts";
import { type CertificateInfo, readCertificate } from "../authority/certificate_info.ts";
import { certificateJson, jsonText } from "./certificate_json.ts";
import { certificateFiles } from "../authority/certificate_search.ts";
import { certificateRow } from "./cli_text.ts";
import type { Command } from "./command.ts";
import { plainPath } from "./command_arguments.ts";

const usage = `Lists the certificates (*.crt, *.pem) of a directory and its folders, a line each.

Examples:
  deno run -A cert.ts list certs
  deno run -A cert.ts list certs --json

Options:
  --json            output for programs: a list of { file, certificate }; certificate is null
                    where the file could not be read

Exit codes: 0 done, even if there is none, 1 the directory cannot be read, 2 wrong use.
`;

/** `list`. */
export const listCommand: Command = {
  name: "list",
  summary: "list the certificates of a directory",
  usage,
  options: { texts: [], switches: ["json"] },
  run: async (args) => {
    args.expectPositional(1, 1, "one directory");
    const directory = plainPath(args.positional[0]!);
    const found: { file: string; info: CertificateInfo | undefined }[] = [];
    for (const file of await certificateFiles(directory, [".crt", ".pem"])) {
      found.push({ file, info: await read(`${directory}/${file}`) });
    }
    if (args.on("json")) {
      const rows = found.map(({ file, info }) => ({
        file: `${directory}/${file}`,
        certificate: info === undefined ? null : certificateJson(info),
      }));
      return { exitCode: 0, stdout: jsonText(rows) };
    }
    const now = new Date();
    const rows = found.map(({ file, info }) => certificateRow(file, info, now)).join("");
    return { exitCode: 0, stdout: rows === "" ? `No certificates found in ${directory}\n` : rows };
  },
};

async function read(file: string): Promise<CertificateInfo | undefined> {
  try {
    return await readCertificate(await readText(file, file));
  } catch {
    // Shown as unreadable: an operator must not overlook it.
    return undefined;
  }
}
