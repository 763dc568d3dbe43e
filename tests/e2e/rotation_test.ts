import { assert, assertEquals, assertRejects } from "@std/assert";
import { ClusteredActorSystem, TlsConfig } from "@casty/casty";
import { ClusterClient } from "@casty/casty/client";
import { Certificates } from "../transport/network/certificates.ts";
import { RotationScene } from "../soak/rotation_scene.ts";
import { Lines } from "./lines.ts";

Deno.test("leaf and authority are replaced three times under load, and nothing is lost", async () => {
  await using scene = await RotationScene.start();
  for (let n = 0; n < 3; n++) await scene.rotate();
  await scene.finish();
  assert(scene.sent > 0);
});

Deno.test("a client that is put on the deny list is cut off, told why, and stays out", async () => {
  await using certificates = await Certificates.create();
  const good = await certificates.node();
  const denyListFile = await certificates.file("# nobody\n");
  const lines = new Lines();
  const clientLines = new Lines();
  await using node = await ClusteredActorSystem.start({
    name: "secure",
    host: "127.0.0.1",
    port: 0,
    tls: await TlsConfig.fromPaths({
      certFile: await certificates.file(good.cert),
      keyFile: await certificates.file(good.key),
      caFile: await certificates.file(good.ca),
      denyListFile,
      watch: true,
      watchInterval: 500,
    }),
    logger: lines,
  });
  const tls = await TlsConfig.fromPem(await certificates.client({ name: "mallory" }));
  const options = { contactPoints: [node.address], systemName: "secure", tls };
  await using _client = await ClusterClient.connect({ ...options, logger: clientLines });
  await Deno.writeTextFile(denyListFile, `${tls.fingerprint} # mallory\n`);
  await lines.seen(/files are in use now .*denyListFile/);
  await clientLines.seen(/the certificate of client mallory is on the deny list/);
  const error = await assertRejects(() =>
    ClusterClient.connect({ ...options, connectTimeout: 20_000, logger: new Lines() })
  );
  assert(error instanceof Error);
  await lines.seen(/connection rejected .*client mallory is on the deny list/);
  assertEquals(node.members.length, 1);
});
