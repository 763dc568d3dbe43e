/**
 * Does what docs/foreign_pki.md says: runs the commands of the tools that are here, makes the
 * certificates of the others with openssl, and uses them as the page does.
 */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TlsConfigError } from "../../lib/transport/base/errors.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import type { TlsPaths } from "../../lib/transport/tls/tls_files.ts";
import { TlsNetwork } from "../../lib/transport/tls/tls_network.ts";
import { hasOpenssl } from "../openssl.ts";
import { dial, Server } from "../transport/network/links.ts";
import { makeShapes, shapes, shell } from "./foreign_pki_shapes.ts";

const page = await Deno.readTextFile(new URL("../../docs/foreign_pki.md", import.meta.url));

interface Section {
  readonly title: string;
  readonly text: string;
  readonly commands: string;
}

/** What the page loads, and what it says that comes of it. */
interface Usage {
  readonly kind: string;
  readonly name: string;
  readonly paths: TlsPaths;
}

const sections: readonly Section[] = page.split(/^## /m).slice(2).map((part) => {
  const title = part.slice(0, part.indexOf("\n"));
  const commands = [...part.matchAll(/^```sh\n([^]*?)^```$/gm)].map(([, body]) => body).join("");
  return { title, text: part, commands };
});

/** The tools that the tests run, by section: the file whose presence tells that it is here. */
const tools: Readonly<Record<string, readonly string[]>> = {
  "easy-rsa": ["/usr/share/easy-rsa/easyrsa"],
  "mkcert": ["/usr/bin/mkcert", "/usr/local/bin/mkcert"],
  "certtool": ["/usr/bin/certtool", "/usr/local/bin/certtool"],
  "keytool": ["/usr/bin/keytool", "/usr/local/bin/keytool"],
  "openssl": [],
};

async function usagesOf({ text }: Section, folder: string): Promise<Usage[]> {
  const usages: Usage[] = [];
  const pattern = /^\/\/ (node|client) (\S+)\nTlsConfig\.fromPaths\(([^]*?)\);$/gm;
  for (const [, kind = "", name = "", literal] of text.matchAll(pattern)) {
    const source = `data:application/javascript,${encodeURIComponent(`export default ${literal}`)}`;
    const { default: paths } = await import(source) as { default: TlsPaths };
    const [certFile, keyFile, caFile] = [paths.certFile, paths.keyFile, paths.caFile]
      .map((path) => `${folder}/${path}`);
    usages.push({
      kind,
      name,
      paths: { ...paths, certFile: certFile!, keyFile: keyFile!, caFile: caFile! },
    });
  }
  return usages;
}

/** The certificate is what the page says, and is refused without the option if it needs that. */
async function load({ kind, name, paths }: Usage): Promise<TlsConfig> {
  const tls = await TlsConfig.fromPaths(paths);
  assertEquals([tls.kind, tls.name], [kind, name]);
  if (paths.identity !== undefined && !/^spiffe:\/\/[^/]*\/(node|client)\//.test(tls.uri ?? "")) {
    const { identity: _, ...rest } = paths;
    const error = await assertRejects(() => TlsConfig.fromPaths(rest), TlsConfigError);
    assertEquals(error.code, "noIdentity");
    assertStringIncludes(error.message, "option identity of TlsConfig");
  }
  return tls;
}

/** Ends with the same option connect: nodes with each other, and clients with nodes. */
async function connect(all: readonly TlsConfig[]): Promise<void> {
  const network = new TlsNetwork();
  let links = 0;
  for (const node of all) {
    if (node.kind !== "node") continue;
    await using server = await Server.start(network, { tls: node });
    for (const tls of all) {
      if (JSON.stringify(tls.identity) !== JSON.stringify(node.identity)) continue;
      if (tls.ca !== node.ca) continue;
      const end = await dial(network, server.port, { tls, serverName: node.hosts[0]! });
      await end.send("hello");
      const received = await server.end(server.ends.length);
      assertEquals(await received.text(5), "hello");
      assertEquals(received.link.identity.kind, tls.kind);
      end.link.destroy();
      links++;
    }
  }
  assert(links > 0);
}

for (const section of sections) {
  const { title, commands, text } = section;
  const files = tools[title];
  const isRun = files !== undefined;
  const here = hasOpenssl && (!isRun || files.length === 0 || files.some(isThere));
  const missing = here ? "" : ` (not here: ${hasOpenssl ? title : "openssl"} is not installed)`;
  Deno.test({
    name: `${title}: what docs/foreign_pki.md says gives peers that connect${missing}`,
    ignore: !here,
    fn: async () => {
      assert(
        text.includes(isRun ? "\nRun by our tests" : "\nNot run by us"),
        "the page says which",
      );
      const folder = await Deno.makeTempDir({ prefix: "casty-pki-" });
      try {
        if (isRun) await shell(folder, commands);
        else for (const set of shapes[title]!) await makeShapes(folder, set);
        const usages = await usagesOf(section, folder);
        assert(usages.length > 0);
        assertEquals(usages.length, text.match(/fromPaths\(/g)!.length);
        await connect(await Promise.all(usages.map(load)));
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

Deno.test("docs/foreign_pki.md has a section for each tool, and no shape is left over", () => {
  assertEquals(
    sections.map(({ title }) => title).filter((title) => !(title in tools)).sort(),
    Object.keys(shapes).sort(),
  );
  for (const title of Object.keys(tools)) {
    assert(sections.some((section) => section.title === title));
  }
});

function isThere(file: string): boolean {
  try {
    return Deno.statSync(file).isFile;
  } catch {
    return false;
  }
}
