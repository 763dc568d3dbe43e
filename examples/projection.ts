/**
 * A view that is made of events: which product was sold how often. A second process makes it and is
 * killed in the middle; then this one goes on where the view is, and each sale counts once. At last the
 * view is rebuilt, with the revenue as well.
 *
 *     deno run -A examples/projection.ts
 *
 * @module
 */
import { type ActorRef, ActorSystem } from "@casty/casty";
import {
  eventSourced,
  type Journal,
  persistenceId,
  type ProjectedEvent,
  projection,
  sqliteJournal,
  type SqliteProjectionStore,
  sqliteProjectionStore,
} from "@casty/casty/persistence";
import { killedAfter } from "./killed_process.ts";

type Sold = { product: string; cents: number };
type Sell = { sales: readonly Sold[]; replyTo: ActorRef<number> };

const products = [
  { product: "apple", cents: 40 },
  { product: "bread", cents: 350 },
  { product: "cheese", cents: 720 },
];
const shops = Array.from({ length: 20 }, (_, n) => `shop-${n}`);
const salesOfShop = 500;

/** A shop: its state is the number of its sales. */
const shop = (name: string, journal: Journal) =>
  eventSourced<Sell, Sold, number>({
    id: persistenceId("shop", name),
    journal,
    initial: 0,
    onCommand: (_context, _count, { sales, replyTo }, effect) =>
      effect.persist(...sales).thenReply(replyTo, (count) => count),
    onEvent: (count) => count + 1,
  });

/** The view's table. */
async function openViews(folder: string): Promise<SqliteProjectionStore> {
  const views = await sqliteProjectionStore(`${folder}/views.db`);
  views.database.exec(
    "create table if not exists sales (product text primary key, count integer, cents integer)",
  );
  return views;
}

/** Counts sales, and adds up the revenue if it is to. */
function salesView(
  journal: Journal,
  views: SqliteProjectionStore,
  { withRevenue, batchSize }: { withRevenue: boolean; batchSize: number },
) {
  const add = views.database.prepare(
    "insert into sales values (?, 1, ?) " +
      "on conflict (product) do update set count = count + 1, cents = cents + excluded.cents",
  );
  return projection({
    name: "sales",
    journal,
    source: { kind: "shop" },
    store: views,
    batchSize,
    // In the transaction that saves up to which event the view is.
    handle: ({ event: { product, cents } }: ProjectedEvent<Sold>) =>
      void add.run(product, withRevenue ? cents : 0),
  });
}

type Row = { product: string; count: number; cents: number };
const rowsOf = ({ database }: SqliteProjectionStore) =>
  database.prepare("select product, count, cents from sales order by product")
    .all() as unknown as Row[];
const countOf = (views: SqliteProjectionStore) =>
  rowsOf(views).reduce((sum, { count }) => sum + count, 0);

/** The second process: says when it has begun, and goes on until it is killed. */
async function projectUntilKilled(folder: string): Promise<void> {
  const journal = await sqliteJournal(`${folder}/shops.db`);
  const views = await openViews(folder);
  // Small batches, so that it is killed in the middle.
  salesView(journal, views, { withRevenue: false, batchSize: 10 })
    .start(new ActorSystem({ name: "shops" }));
  while (countOf(views) === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  console.log("begun");
}

async function main(): Promise<void> {
  const folder = await Deno.makeTempDir();
  const journal = await sqliteJournal(`${folder}/shops.db`);
  const system = new ActorSystem({ name: "shops" });
  for (const name of shops) {
    const ref = system.spawn(shop(name, journal), name);
    const sales = Array.from({ length: salesOfShop }, (_, n) => products[n % 3]!);
    await system.ask(ref, (replyTo) => ({ sales, replyTo }), { timeout: 30_000 });
  }
  const total = shops.length * salesOfShop;

  await killedAfter(import.meta.url, [folder], 1);
  const views = await openViews(folder);
  const before = countOf(views);
  console.log(`killed in the middle: ${before > 0 && before < total}`);

  const running = salesView(journal, views, { withRevenue: true, batchSize: 500 }).start(system);
  const upToDate = async () => {
    while ((await running.status()).behind !== 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await upToDate();
  console.log(`${countOf(views)} of ${total} sales are counted`);

  // The first part of the view has no revenue.
  await running.rebuild((database) => database.exec("delete from sales"));
  await upToDate();
  for (const { product, count, cents } of rowsOf(views)) {
    console.log(`${product}: ${count} sold for ${(cents / 100).toFixed(2)}`);
  }
  await system.shutdown();
  await views.close();
  await journal.close();
  await Deno.remove(folder, { recursive: true });
}

if (Deno.args[0] === undefined) await main();
else await projectUntilKilled(Deno.args[0]);
