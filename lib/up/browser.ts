import { spawn } from "node:child_process";
import process from "node:process";

/** Opens an address in the browser of the person. `onFailure` gets the reason. */
export function openInBrowser(url: string, onFailure: (why: string) => void): void {
  const [program, args] = process.platform === "darwin"
    ? ["open", [url]] as const
    : process.platform === "win32"
    ? ["explorer", [url]] as const
    : ["xdg-open", [url]] as const;
  const child = spawn(program, args, { stdio: "ignore" });
  child.on("error", ({ message }) => onFailure(`the browser was not opened: ${message}`));
  child.unref();
}
