import { callback, choice, number, option, optionTable, text, whole } from "../option.ts";

/** No control, format or line separator characters: names that look equal are equal. */
const printable = /^[^\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+$/u;

/** The name of a topic or of broadcast actors. */
export const topicName = text(1, 256, {
  name: "1 to 256 printable characters",
  test: (name) => printable.test(name),
  example: "orders",
});

/** `Topic(...)`. */
export const topicTable = optionTable("Topic", {
  retain: option(whole(0, 10_000), {
    default: 0,
    text: "Latest messages that each node with the topic keeps for later subscribers.",
  }),
});

/** `system.topic(...)`. */
export const openTopicTable = optionTable("system.topic", {
  clients: option(callback("a function of the client that has sent a message"), {
    defaultText: "all clients publish and subscribe",
    text: "What clients may do with the topic, by the identity in their certificates.",
  }),
});

/** `subscribe(...)` of a topic, without an actor. */
export const topicSubscriptionTable = optionTable("subscribe of a topic", {
  buffer: option(number(1, 1_000_000, { whole: true }), {
    default: 256,
    text: "Messages that wait for a slow reader.",
  }),
  overflow: option(choice("dropOldest", "dropNewest", "fail"), {
    default: "dropOldest",
    text:
      "What happens when as many wait and another comes: the oldest or the new one is dropped, " +
      "or the subscription fails.",
  }),
});

/** `Behaviors.broadcasted(...)`. */
export const broadcastTable = optionTable("Behaviors.broadcasted", {
  role: option(text(1, 255), {
    defaultText: "all nodes",
    text: "Only nodes with this role have an instance.",
  }),
  clients: option(callback("a function of the client that has sent a message"), {
    defaultText: "all clients",
    text: "Which clients may send to the instances, by the identity in their certificates.",
  }),
});

/** `client.broadcastRef(...)`. */
export const broadcastRefTable = optionTable("broadcastRef", {
  role: option(text(1, 255), {
    defaultText: "all nodes",
    text: "The role of the nodes that have an instance.",
  }),
});
