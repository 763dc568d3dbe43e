import { assert, assertEquals, assertMatch } from "@std/assert";
import { diagnose } from "../../lib/cert/doctor/doctor.ts";
import { CertError } from "../../lib/cert/errors.ts";
import { decodePem } from "../../lib/cert/authority/pem.ts";
import { encodePem } from "../../lib/x509/pem.ts";
import { initWorkspace } from "../../lib/cert/authority/workspace_init.ts";
import { Workspace } from "./workspace.ts";

Deno.test("a certificate with a wrong byte is never accepted, and never more than one clear line", async () => {
  await using work = await Workspace.create();
  await initWorkspace(work.path("certs"), { nodes: 2, clients: [] });
  const ask = () => diagnose(work.path("certs/node-1"), work.path("certs/node-2"));
  const file = work.path("certs/node-2/node.crt");
  const original = decodePem("CERTIFICATE", await Deno.readTextFile(file));
  let refused = 0;
  let unreadable = 0;
  for (let at = 0; at < original.length; at += 6) {
    const der = original.slice();
    der[at]! ^= 0x55;
    await Deno.writeTextFile(file, encodePem("CERTIFICATE", der.buffer));
    try {
      assertEquals((await ask()).verdict, "refused", `byte ${at}`);
      refused++;
    } catch (error) {
      assert(error instanceof CertError, `byte ${at}: ${error}`);
      assertMatch(error.message, /^[^\n]*node\.crt[^\n]*$/);
      unreadable++;
    }
  }
  assert(refused > 20 && unreadable > 10, `${refused} refused, ${unreadable} unreadable`);
});
