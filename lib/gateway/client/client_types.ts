import type {
  GatewayApi,
  GatewayEntity,
  GatewayOperation,
  GatewayTopic,
} from "../api/gateway_api.ts";

/** How an operation is done. */
export interface GatewayCallOptions {
  /** Milliseconds. Default: that of the client. */
  readonly timeout?: number;
  /** Whether it may be done twice, besides what the gateway says of it. Default `false`. */
  readonly idempotent?: boolean;
  /** Stops waiting; the operation may be done all the same. */
  readonly signal?: AbortSignal;
}

/** The definitions of an API. */
export type DefinitionsOf<A> = A extends GatewayApi<infer D> ? D : never;

/** The names of the entities of an API. */
export type EntityName<A> = {
  [K in keyof DefinitionsOf<A>]: DefinitionsOf<A>[K] extends GatewayEntity<infer _> ? K : never;
}[keyof DefinitionsOf<A>];

/** The names of the topics of an API. */
export type TopicName<A> = {
  [K in keyof DefinitionsOf<A>]: DefinitionsOf<A>[K] extends { readonly kind: "topic" } ? K : never;
}[keyof DefinitionsOf<A>];

/** One operation, as a method. */
export type MethodOf<O> = O extends
  { readonly types?: { readonly input: infer I; readonly reply: infer R } }
  ? [I] extends [undefined] ? (input?: undefined, options?: GatewayCallOptions) => Promise<R>
  : (input: I, options?: GatewayCallOptions) => Promise<R>
  : never;

/** The operations of one entity, as methods. */
export type EntityMethods<A, K extends EntityName<A>> = DefinitionsOf<A>[K] extends
  GatewayEntity<infer O> ? { readonly [N in keyof O]: MethodOf<O[N]> } : never;

/** The messages of a topic. */
export type MessageOf<A, K extends TopicName<A>> = DefinitionsOf<A>[K] extends
  GatewayTopic<infer M, infer _> ? M : never;

/** What may be published to a topic. */
export type PublishedOf<A, K extends TopicName<A>> = DefinitionsOf<A>[K] extends
  GatewayTopic<infer _, infer P> ? P : never;

/** Any API. */
export type AnyApi = GatewayApi<
  Readonly<Record<string, GatewayEntity<Readonly<Record<string, GatewayOperation>>>>>
>;
