// Finds and loads the addon: the one built in this checkout, else the prebuilt one of this platform's
// package. The only file here that knows Node; in a browser it finds nothing.
import { FlambeauError } from "@flambeau/core/extension";
import type { Engine } from "./engine.ts";

interface NodeModules {
  "node:module": { createRequire(from: string): NodeRequire };
  "node:fs": { readFileSync(path: string, encoding: "utf8"): string; existsSync(path: string): boolean };
  "node:path": { dirname(path: string): string; join(...parts: string[]): string };
  "node:url": { fileURLToPath(url: string): string };
} // prettier-ignore

interface NodeRequire {
  (name: string): unknown;
  resolve(name: string): string;
}

interface NodeProcess {
  readonly platform: string;
  readonly arch: string;
  getBuiltinModule?<Name extends keyof NodeModules>(name: Name): NodeModules[Name];
}

/** The engine, or why there is none. */
export type Loaded = { readonly engine: Engine } | { readonly reason: string };

const nodeProcess = (globalThis as { process?: NodeProcess }).process;

/** The addon that `npm run build:native` left in this checkout. */
function builtHere(fs: NodeModules["node:fs"], folder: string, join: NodeModules["node:path"]["join"]): string | undefined {
  const current = join(folder, "build", "current");
  if (!fs.existsSync(current)) return undefined;
  const path = join(folder, "build", fs.readFileSync(current, "utf8").trim());
  return fs.existsSync(path) ? path : undefined;
} // prettier-ignore

function load(): Loaded {
  const builtin = nodeProcess?.getBuiltinModule?.bind(nodeProcess);
  if (nodeProcess === undefined || builtin === undefined) {
    return { reason: "addons need Node 20.16 or later" };
  }
  const [fs, { dirname, join }, { fileURLToPath }] = [
    builtin("node:fs"),
    builtin("node:path"),
    builtin("node:url"),
  ];
  const require = builtin("node:module").createRequire(import.meta.url);
  const { platform, arch } = nodeProcess;
  const here = builtHere(fs, dirname(dirname(fileURLToPath(import.meta.url))), join);
  try {
    if (here !== undefined) return { engine: require(here) as Engine };
    const name = `@flambeau/native-${platform}-${arch}`;
    let folder: string;
    try {
      folder = dirname(require.resolve(`${name}/package.json`));
    } catch {
      return { reason: `it was not built here, and ${name} is not installed` };
    }
    const find = require("node-gyp-build") as (folder: string) => Engine;
    return { engine: find(folder) };
  } catch (error) {
    // What the user asked for and cannot have must not pass for a missing addon.
    if (/FLAMBEAU_/.test(String(error))) throw new FlambeauError((error as Error).message);
    return { reason: `it did not load: ${(error as Error).message.split("\n")[0]}` };
  }
}

let loaded: Loaded | undefined;

/** The engine of this process; looked for once. */
export function loadEngine(): Loaded {
  loaded ??= load();
  return loaded;
}
