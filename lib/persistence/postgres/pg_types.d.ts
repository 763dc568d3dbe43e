/**
 * The part of `pg` that is used here. Its published types need those of Node, which clash with those
 * of Deno.
 */
export interface QueryResult {
  readonly rows: unknown[];
}

/** A statement with its values. */
export interface Query {
  /** Prepared under this name, once for each connection. */
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
  /** Milliseconds without an answer after which it fails. */
  readonly query_timeout?: number;
}

/** A connection of a pool. */
export interface PoolClient {
  query(query: string | Query): Promise<QueryResult>;
  on(event: "error", listener: (error: Error) => void): void;
  /** `true`: the connection is ended instead of used again. */
  release(end?: boolean): void;
}

/** Options of a pool. */
export interface PoolOptions {
  readonly connectionString: string;
  readonly max?: number;
  readonly connectionTimeoutMillis?: number;
  readonly statement_timeout?: number;
  /** Milliseconds without an answer after which a statement fails here. */
  readonly query_timeout?: number;
  readonly application_name?: string;
  /** Called with each new connection of a pool, before it is used. */
  readonly onConnect?: (client: PoolClient) => Promise<unknown>;
}

/** Connections that are used again. */
export class Pool {
  constructor(options: PoolOptions);
  connect(): Promise<PoolClient>;
  query(text: string, values?: unknown[]): Promise<QueryResult>;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "connect", listener: (client: PoolClient) => void): void;
  end(): Promise<void>;
}

/** What a server tells those who listen. */
export interface Notification {
  readonly payload?: string;
}

/** One connection. */
export class Client {
  constructor(options: string | PoolOptions);
  connect(): Promise<void>;
  query(query: string | Query): Promise<QueryResult>;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "end", listener: () => void): void;
  on(event: "notification", listener: (message: Notification) => void): void;
  end(): Promise<void>;
  /** The connection under it. */
  readonly connection?: { readonly stream: { destroy(): void } };
}

declare const pg: { readonly Pool: typeof Pool; readonly Client: typeof Client };
export default pg;
