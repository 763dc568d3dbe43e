import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import type { Clock } from "../../../lib/runtime/clock.ts";
import { silentLogger } from "../../../lib/runtime/logger.ts";
import { systemClock } from "../../../lib/runtime/system_clock.ts";
import { TransportError } from "../../../lib/transport/base/errors.ts";
import { systemNetwork } from "../../../lib/transport/system_network.ts";
import { systemRuntime } from "../../../lib/transport/system_runtime.ts";
import { TcpNetwork } from "../../../lib/transport/tcp/tcp_network.ts";
import { Certificates } from "./certificates.ts";
import { dial, Server } from "./links.ts";

Deno.test("the system's network encrypts exactly when it is given TLS material", async () => {
  await using certificates = await Certificates.create();
  const tls = await certificates.node();
  await using plain = await Server.start(systemNetwork);
  await using secure = await Server.start(systemNetwork, { tls });
  const first = await dial(systemNetwork, plain.port);
  const second = await dial(systemNetwork, secure.port, { tls });
  assertEquals([first.link.identity.kind, second.link.identity.kind], ["plain", "node"]);
  const mixed = await assertRejects(() => dial(systemNetwork, plain.port, { tls, timeout: 200 }));
  assert(mixed instanceof TransportError);
  for (const end of [first, second]) {
    end.link.destroy();
    await end.ended();
  }
});

Deno.test("the system's runtime takes overrides", () => {
  const runtime = systemRuntime({ logger: silentLogger });
  assertStrictEquals(runtime.logger, silentLogger);
  assertStrictEquals(runtime.clock, systemClock);
  assertStrictEquals(runtime.network, systemNetwork);
  assert(runtime.random.next() < 1);
});

Deno.test("a connection that is not there in time is a typed error", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  // Time is up before the system has had a chance to connect.
  const hasty: Clock = {
    ...systemClock,
    schedule: (_delay, task) => {
      queueMicrotask(task);
      return { cancel: () => {} };
    },
  };
  const error = await assertRejects(
    () => dial(new TcpNetwork(hasty), listener.addr.port, { timeout: 5 }),
    TransportError,
  );
  assertEquals(error.code, "connectTimeout");
  listener.close();
});

Deno.test("a host that is not of this machine cannot be bound", async () => {
  const listening = Server.start(systemNetwork, { host: "192.0.2.1" });
  const error = await assertRejects(() => listening, TransportError);
  assertEquals(error.code, "addressNotAvailable");
});

Deno.test("an IPv6 peer is shown with brackets", async () => {
  await using server = await Server.start(systemNetwork, { host: "::1" });
  const client = await dial(systemNetwork, server.port, { host: "::1" });
  assertEquals(client.link.remote, `[::1]:${server.port}`);
  client.link.destroy();
  await client.ended();
});
