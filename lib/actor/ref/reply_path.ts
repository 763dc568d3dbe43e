/**
 * The paths of reply references, which are all different: where there are many of them, the uid stands
 * for the path, and a text is made only for what is shown or sent.
 *
 * @module
 */

/** Where the reply references of pending asks are found; alone: the short form, of which the uid is the rest. */
export const askPath = "/_ask/";

/** The path of the reference with this uid, of which `path` may be the short form. */
export function wholePath(path: string, uid: number): string {
  return path === askPath ? askPath + uid : path;
}
