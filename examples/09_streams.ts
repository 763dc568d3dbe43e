/**
 * A stream: prices from one side to the other, with back-pressure. A second one is cancelled by its
 * reader, and its writer hears of that. (`examples/streams.ts` has several writers.)
 *
 *     deno run -A examples/09_streams.ts
 *
 * @module
 */
import { ActorSystem } from "@casty/casty";
import { StreamError, streamProducer, streamSink, streamSource } from "@casty/casty/streams";

await using system = new ActorSystem({ name: "prices" });

const prices = system.spawn(streamProducer<number>({ bufferSize: 2 }), "prices");
const writing = (async () => {
  await using sink = streamSink(system, prices);
  for (const price of [101, 99, 100, 104, 103]) await sink.put(price);
  await sink.complete();
})();
for await (const price of streamSource(system, prices, { demand: 2 })) console.log(price);
await writing;
console.log("the stream has completed");

const numbers = system.spawn(streamProducer<number>({ bufferSize: 2 }), "numbers");
const counting = (async () => {
  await using sink = streamSink(system, numbers);
  let put = 0;
  try {
    for (; put < 20; put++) await sink.put(put);
  } catch (error) {
    if (!(error instanceof StreamError)) throw error;
    console.log(`the writer hears: ${error.code}`);
  }
  return put;
})();
const taken: number[] = [];
for await (const number of streamSource(system, numbers, { demand: 1 })) {
  taken.push(number);
  if (taken.length === 5) break; // cancels the stream
}
const put = await counting;
console.log(`taken: ${taken.join(", ")}; fewer than 20 were put: ${put < 20}`);
