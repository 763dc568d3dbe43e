import process from "node:process";
import { platform } from "./platform.ts";

/** The process and its files, as a source of configuration. */
export const systemConfigSource = {
  folder: (): string => process.cwd(),
  async readFile(path: string): Promise<string | undefined> {
    try {
      return await platform.files.readTextFile(path);
    } catch (error) {
      if (platform.faultOf(error) === "notFound") return undefined;
      throw error;
    }
  },
  env(name: string): string | undefined {
    const { env, mayReadEnv } = platform.process;
    return mayReadEnv(name) ? env(name) : undefined;
  },
  envNames(): readonly string[] {
    const { envNames, mayReadEnv } = platform.process;
    return mayReadEnv() ? envNames() : [];
  },
};
