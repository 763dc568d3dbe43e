import {
  clientTopicPath,
  type TopicAnswer,
  type TopicRefusal,
  type TopicRequest,
  topicRequestPath,
} from "../../lib/topics/client_protocol.ts";
import {
  type AnnouncedActor,
  type Announcement,
  announcementPath,
} from "../../lib/broadcast/broadcast_agreement.ts";
import { type InterestMessage, interestPath } from "../../lib/topics/interest_protocol.ts";
import { fieldsOf } from "../../lib/topics/published_message.ts";
import { atPath, type Generators } from "./at_path.ts";
import type { Draws } from "./draws.ts";

const section = "Topics";
/** Opened at the nodes of the lab. */
export const topicName = "news";
/** Runs at the nodes of the lab. */
export const broadcastName = "greeters";

/** The message of one type, without the type. */
type Fields<M, T> = Omit<Extract<M, { readonly type: T }>, "type">;

const topic = (d: Draws) => d.chance(0.7) ? topicName : d.text();
const topics = (d: Draws) =>
  d.chance(0.05)
    ? Array.from({ length: d.one([500, 10_000, 10_001]) }, (_, index) => `many${index}`)
    : d.list(4, () => topic(d));
/** A number that publishers or lists count from 1. */
const number = (d: Draws) => Math.max(1, d.like("number"));
const reason = (d: Draws) => d.one<TopicRefusal>(["unauthorized", "unknownTopic", "tooMuch"]);

/** The bad peer, another node or client, or nobody. */
function publisher(d: Draws): string {
  const node = d.chance(0.5) ? d.target.self : d.address();
  // The run of a node is named by the time at which it has started.
  return d.one([`${node}@${d.count(0)}`, node, d.one(d.target.clients), d.text()]);
}

const published = (d: Draws) =>
  fieldsOf(
    {
      topic: topic(d),
      publisher: publisher(d),
      number: number(d),
      at: d.chance(0.7) ? d.like("at") : d.number(),
      message: d.value(),
    },
    d.chance(0.3),
  );

/** What nodes and clients say about topics, and the messages of these. */
const ofTopics: Generators = {
  ...atPath(section, interestPath, {
    topics: (d): Fields<InterestMessage, "topics"> => {
      const counter = d.like("counter");
      return {
        counter,
        since: d.chance(0.5) ? Math.max(0, counter - 1) : d.like("since"),
        added: topics(d),
        removed: topics(d),
      };
    },
    sync: (d): Fields<InterestMessage, "sync"> => ({
      counter: d.like("counter"),
      have: d.like("have"),
    }),
  }),
  [`${section}/messages`]: { path: "/_topics", make: published },
  ...atPath(section, topicRequestPath, {
    subscribe: (d): Fields<TopicRequest, "subscribe"> => ({
      counter: number(d),
      topics: topics(d),
      again: d.chance(0.5),
    }),
    renew: (d): Fields<TopicRequest, "renew"> => ({ counter: number(d) }),
    publish: (d): Fields<TopicRequest, "publish"> => ({
      topic: topic(d),
      number: number(d),
      message: d.value(),
    }),
  }),
  ...atPath(section, clientTopicPath, {
    resend: (): Fields<TopicAnswer, "resend"> => ({}),
    refused: (d): Fields<TopicAnswer, "refused"> => ({ topics: topics(d), reason: reason(d) }),
    unpublished: (d): Fields<TopicAnswer, "unpublished"> => ({
      topic: topic(d),
      number: number(d),
      reason: reason(d),
    }),
  }),
};

const announced = (d: Draws): AnnouncedActor => ({
  name: d.chance(0.5) ? broadcastName : `b${d.int(200)}`,
  ...(d.chance(0.3) && { role: d.text() }),
  clients: d.chance(0.5),
});

/** What nodes say of broadcast actors, and messages to these, known and unknown ones. */
const ofBroadcasts: Generators = {
  ...atPath("Broadcast actors", announcementPath, {
    broadcasts: (d): Fields<Announcement, "broadcasts"> => ({
      actors: d.chance(0.05)
        ? Array.from({ length: d.one([1_000, 1_001]) }, () => announced(d))
        : d.list(4, () => announced(d)),
    }),
  }),
  "Broadcast actors/message": {
    path: (d) => {
      const name = d.chance(0.7) ? broadcastName : `b${d.int(200)}`;
      return `/_broadcast-${name}${d.chance(0.8) ? "" : `:${d.text()}`}`;
    },
    make: (d) => d.chance(0.5) ? { type: "greet", replyTo: d.ref() } : d.value(),
  },
};

/** Messages of topics and to broadcast actors. */
export const publishing: Generators = { ...ofTopics, ...ofBroadcasts };
