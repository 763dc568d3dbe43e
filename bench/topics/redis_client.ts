import { createRequire } from "node:module";

/** What the benchmark uses of a connection of ioredis. */
export interface RedisClient {
  publish(channel: string, message: string): Promise<number>;
  subscribe(channel: string): Promise<unknown>;
  on(event: "message", listener: (channel: string, message: string) => void): unknown;
  disconnect(): void;
}

/** Connects with the ioredis that is installed in a folder. */
export function redisClient(folder: string, socket: string): RedisClient {
  const { Redis } = createRequire(`${folder}/package.json`)("ioredis");
  return new Redis(socket);
}
