import { assert } from "@std/assert";
import { maySendFor, publisherName } from "../../lib/topics/publisher_name.ts";

const present = new Map([["a:1", 20], ["b:1", 30]]);
const may = (publisher: string, from: string, isRetained = false) =>
  maySendFor({ publisher, from, isRetained }, present);

Deno.test("a member does not use up the numbers of another one", () => {
  assert(may(publisherName("a:1", 20), "a:1"));
  assert(may("client:x#1|b:1@1", "b:1"), "a message that it has taken of a client");
  assert(!may("client:x#1|a:1@5", "b:1"), "one that another node has taken");
  assert(!may("client:x#1|a:1@20", "b:1", true), "the same as a copy");
  assert(may("client:x#1|c:1@5", "b:1", true), "a copy of one that a node has taken that has gone");
  assert(!may(publisherName("a:1", 20), "b:1"));
  assert(!may(publisherName("a:1", 20), "b:1", true), "a copy of one that is there itself");
  assert(!may(publisherName("a:1", 21), "b:1", true), "a later run");
  assert(!may(publisherName("a:1", 10), "b:1"), "no copy");
  assert(!may("a:1", "b:1", true), "no name of a publisher");
  assert(!may("a:1@x", "b:1", true), "no incarnation");
});

Deno.test("copies outlive the run of the node that has published them", () => {
  assert(may(publisherName("a:1", 10), "b:1", true), "an earlier run");
  assert(may(publisherName("gone:1", 10), "b:1", true), "a node that has gone");
});
