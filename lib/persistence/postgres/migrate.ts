import type { PoolClient } from "./pg_types.d.ts";
import { PersistenceError } from "../errors.ts";
import { headValues } from "./append_values.ts";
import * as sql from "./statements.ts";

/**
 * Makes the tables, or those of an older version into this one's, in one commit.
 *
 * @throws {PersistenceError} code `futureVersion`. Errors of the server.
 */
export async function migrate(client: PoolClient, name: string): Promise<void> {
  await client.query(
    `begin; set local statement_timeout = 0; select pg_advisory_xact_lock(${sql.migrationLock})`,
  );
  const { rows: [table] } = await client.query("select to_regclass('casty_schema') as found");
  let found = 0;
  if ((table as { found: unknown }).found !== null) {
    const { rows: [row] } = await client.query("select version from casty_schema");
    found = (row as { version: number }).version;
  }
  if (found > sql.schemaVersion) {
    throw new PersistenceError("futureVersion", `${name} has tables of version ${found}`, {
      value: found,
      remedy: `use a version of Casty that knows it; this one knows ${sql.schemaVersion}`,
    });
  }
  if (found === 0) await client.query(sql.makeTables);
  else if (found === 1) await fromVersion1(client);
  await client.query(sql.raiseBase);
  await client.query("commit");
}

async function fromVersion1(client: PoolClient): Promise<void> {
  await client.query(sql.beforeSlices);
  for (;;) {
    const { rows } = await client.query(sql.withoutSlice);
    if (rows.length === 0) break;
    const ids = (rows as { id: string }[]).map(({ id }) => id);
    await client.query({ text: sql.setSlices, values: headValues(ids) });
  }
  await client.query(sql.afterSlices);
}
