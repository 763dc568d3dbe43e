/** A killed owner of entities in PostgreSQL, in processes over mutual TLS. */
import { assertEquals } from "@std/assert";
import { store, takeover } from "../../bench/standby/takeover.ts";
import { missing, PostgresServer } from "../persistence/postgres_server.ts";

Deno.test({
  name: "after kill -9 of their owner entities in PostgreSQL start from what was ready",
  ignore: missing !== undefined,
  fn: async () => {
    await using server = await PostgresServer.create();
    const [entities, events] = [40, 30];
    await store(server.url, entities, events);
    const options = { name: "standby", database: server.url, entities, events };
    // Each run throws if an entity lacks an event, or has one twice.
    const { used, refused } = await takeover({ ...options, replicas: 2 });
    assertEquals({ used, refused }, { used: entities, refused: 0 });
    const without = await takeover({
      ...options,
      name: "plain",
      events: events + 1,
      replicas: 0,
    });
    assertEquals(without.used, 0);
  },
});
