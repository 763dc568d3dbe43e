import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { DoctorReport } from "../../lib/cert/doctor/doctor.ts";
import { diagnosePeer } from "../../lib/cert/doctor/doctor_live.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { initWorkspace } from "../../lib/cert/authority/workspace_init.ts";
import { silentLogger } from "../../lib/runtime/logger.ts";
import { TlsConfig } from "../../lib/transport/tls/tls_config.ts";
import { TlsNetwork } from "../../lib/transport/tls/tls_network.ts";
import { ClusteredActorSystem } from "../../mod.ts";
import { opensslTest } from "../openssl.ts";
import { Workspace } from "./workspace.ts";
import { OptionError } from "../../lib/options/option_error.ts";

/** Long enough for a refusal on a machine that is busy. */
const longTimeouts = { timeout: 20_000, refusalTimeout: 20_000 };
/** A peer that accepts keeps a doctor waiting for so long. */
const quick = { ...longTimeouts, refusalTimeout: 300 };

/** `certs` and `other`: two sets of one name under different authorities. */
async function sets(): Promise<Workspace> {
  const work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 2, clients: ["me"] });
  await initWorkspace(work.path("other"), { nodes: 1, clients: [] });
  return work;
}

/** The listener of a node, with the files of a folder. */
async function listening(
  work: Workspace,
  folder: string,
  check: (port: number) => Promise<void>,
  trust = folder,
): Promise<void> {
  const read = (name: string) => Deno.readTextFile(work.path(name));
  const listener = await new TlsNetwork().listen({
    host: "127.0.0.1",
    port: 0,
    tls: {
      cert: await read(`${folder}/node.crt`),
      key: await read(`${folder}/node.key`),
      ca: await read(`${trust}/ca.crt`),
    },
    handshakeTimeout: 5_000,
    maxPendingHandshakes: 10,
    onLink: (link) => link.onClose = () => link.destroy(),
    onRefused: () => {},
  });
  try {
    await check(listener.port);
  } finally {
    await listener.close();
  }
}

function ask(work: Workspace, folder: string, port: number, timeouts = longTimeouts) {
  const serverName = "localhost";
  return diagnosePeer(work.path(folder), { host: "127.0.0.1", port, serverName, ...timeouts });
}

function codes({ findings }: DoctorReport): string[] {
  return findings.map(({ about, code }) => `${about}: ${code}`).sort();
}

Deno.test("a peer that accepts is shown, for a node and for a client", async () => {
  await using work = await sets();
  await listening(work, "certs/node-2", async (port) => {
    for (const folder of ["certs/node-1", "certs/me"]) {
      const report = await ask(work, folder, port, quick);
      assertEquals([report.verdict, report.findings, report.unchecked], ["accepted", [], []]);
      assertEquals(report.peers[1]!.subject, "node node-2");
      assertEquals(report.peers[1]!.source, `127.0.0.1:${port}`);
    }
    const elsewhere = { host: "127.0.0.1", port, serverName: "10.0.0.9", ...quick };
    const report = await diagnosePeer(work.path("certs/node-1"), elsewhere);
    assertEquals(codes(report), ["B: wrongHost"]);
  });
});

Deno.test("a real node is diagnosed while it runs, and keeps running", async () => {
  await using work = await sets();
  const tls = await TlsConfig.fromPaths({
    certFile: work.path("certs/node-2/node.crt"),
    keyFile: work.path("certs/node-2/node.key"),
    caFile: work.path("certs/node-2/ca.crt"),
  });
  const system = await ClusteredActorSystem.start({
    name: "live",
    host: "127.0.0.1",
    port: 0,
    tls,
    logger: silentLogger,
  });
  try {
    const port = Number(system.address.split(":").at(-1));
    assertEquals((await ask(work, "certs/node-1", port, quick)).verdict, "accepted");
    const stranger = await ask(work, "other/node-1", port);
    assertEquals(stranger.verdict, "refused");
    assertEquals((await ask(work, "certs/me", port, quick)).verdict, "accepted");
  } finally {
    await system.shutdown();
  }
});

Deno.test("a peer of another authority is shown although it is not trusted", async () => {
  await using work = await sets();
  await listening(work, "other/node-1", async (port) => {
    const report = await ask(work, "certs/node-2", port);
    assertEquals([report.verdict, codes(report)], ["refused", ["A: untrusted"]]);
    assertEquals(report.peers[1]!.subject, "node node-1");
    assertStringIncludes(report.findings[0]!.what, "another authority of the same name (casty-ca)");
    assertEquals(report.unchecked, ["whether B accepts A: A refuses B before B can say"]);
  });
});

Deno.test("a bare end after the handshake is reported as the peer's refusal, with likely reasons", async () => {
  await using work = await sets();
  await listening(work, "certs/node-2", async (port) => {
    // One that trusts the peer, and whom the peer does not trust.
    const ca = await Deno.readTextFile(work.path("certs/node-1/ca.crt"));
    await Deno.writeTextFile(work.path("other/node-1/ca.crt"), ca, { append: true });
    const report = await ask(work, "other/node-1", port);
    assertEquals([report.verdict, codes(report)], ["refused", ["A: refusedByPeer"]]);
    const [{ what, reasons = [] }] = report.findings as [DoctorReport["findings"][0]];
    assertStringIncludes(what, "without a word");
    assertStringIncludes(reasons[0]!, "does not trust casty-ca");
    assertStringIncludes(reasons[1]!, "revocation list");
  });
  // A peer that trusts another authority than the one it is of: the same issuer proves nothing.
  await Deno.mkdir(work.path("foreign"));
  await Deno.copyFile(work.path("other/ca/ca.crt"), work.path("foreign/ca.crt"));
  await listening(work, "certs/node-2", async (port) => {
    const report = await ask(work, "certs/node-1", port);
    assertStringIncludes(report.findings[0]!.reasons![0]!, "from before a rotation");
  }, "foreign");
});

opensslTest(
  "servers that send an alert, or accept every peer, are reported",
  async () => {
    await using work = await sets();
    const serve = async (args: string[], check: (port: number) => Promise<void>) => {
      const pair = ["-cert", "certs/node-2/node.crt", "-key", "certs/node-2/node.key"];
      const server = new Deno.Command("openssl", {
        args: ["s_server", "-accept", "127.0.0.1:0", ...pair, ...args],
        cwd: work.dir,
        stdin: "piped",
        stdout: "piped",
        stderr: "null",
      }).spawn();
      try {
        const output = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        let port: string | undefined;
        while (port === undefined) {
          const { value, done } = await output.read();
          assert(!done, `openssl s_server ended: ${text}`);
          text += value;
          port = /ACCEPT \S+:(\d+)\n/.exec(text)?.[1];
        }
        output.releaseLock();
        await check(Number(port));
      } finally {
        server.kill();
        await server.stdin.close().catch(() => {});
        await server.status;
        await server.stdout.cancel().catch(() => {});
      }
    };
    await serve(
      ["-Verify", "1", "-verify_return_error", "-CAfile", "other/ca/ca.crt"],
      async (port) => {
        const [finding] = (await ask(work, "certs/node-1", port)).findings;
        assertEquals(finding!.code, "refusedByPeer");
        assertStringIncludes(finding!.what, "TLS alert UnknownCA");
        assertEquals(finding!.reasons![0], "it does not trust the authority of our certificate");
      },
    );
    await serve([], async (port) => {
      const report = await ask(work, "certs/node-1", port, quick);
      assertEquals([report.verdict, codes(report)], ["accepted", ["B: clientsNotVerified"]]);
    });
    await serve(["-tls1_2"], async (port) => {
      const report = await ask(work, "certs/node-1", port);
      assertEquals(codes(report), ["A: handshakeFailed"]);
      assertStringIncludes(report.findings[0]!.what, "TLS 1.3");
    });
  },
);

Deno.test("no listener, no TLS and no such host are not about certificates", async () => {
  await using work = await sets();
  // Nobody listens on port 1.
  const nobody = await ask(work, "certs/node-1", 1);
  assertEquals([nobody.verdict, codes(nobody)], ["refused", ["A: unreachable"]]);
  assertStringIncludes(nobody.findings[0]!.remedy, "start the node");
  for (const [answer, code] of [["SSH-2.0-OpenSSH\r\n", "notTls"], ["", "handshakeFailed"]]) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = (async () => {
      for await (const conn of listener) {
        await conn.write(new TextEncoder().encode(answer));
        conn.close();
      }
    })();
    const report = await ask(work, "certs/node-1", listener.addr.port);
    listener.close();
    await served;
    assertEquals(codes(report), [`A: ${code}`]);
  }
});

Deno.test("a peer that never answers is given up at the timeout", async () => {
  await using work = await sets();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = listener.accept();
  const { port } = listener.addr;
  const options = { host: "127.0.0.1", port, timeout: 200 };
  const report = await diagnosePeer(work.path("certs/node-1"), options);
  assertEquals(codes(report), ["A: notTls"]);
  assertStringIncludes(report.findings[0]!.what, "no answer within 200 ms");
  (await accepted).close();
  listener.close();
});

Deno.test("with files that cannot be used the peer is looked at, and no more", async () => {
  await using work = await sets();
  await Deno.copyFile(work.path("certs/me/client.key"), work.path("certs/node-1/node.key"));
  await listening(work, "certs/node-2", async (port) => {
    const report = await ask(work, "certs/node-1", port);
    assertEquals([report.verdict, codes(report)], ["refused", ["A: keyMismatch"]]);
    assertEquals(report.peers[1]!.subject, "node node-2");
    assertEquals(report.unchecked.length, 1);
  });
});

Deno.test("hosts and ports that cannot be are refused", async () => {
  await using work = await sets();
  for (const port of [0, 65_536, 1.5, NaN]) {
    await assertRejects(() => ask(work, "certs/node-1", port), OptionError, "port: ");
  }
  const options = { host: "127.0.0.1", port: 1, serverName: "a b" };
  await assertRejects(() => diagnosePeer(work.path("certs/node-1"), options), CertError, "a b");
});
