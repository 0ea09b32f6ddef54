// `npm run pack:native [folder]`: packs what would be published: `flambeau`, bundled, and beside it the
// prebuilt engine of this platform, laid out as prebuildify does, so that node-gyp-build finds it. No
// install script runs anywhere. Default folder: dist/.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { root } from "../run.ts";
import { buildEngine } from "./build.ts";
import { runProgram } from "./compiler.ts";

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Record<string, string>;
  readonly dependencies?: Record<string, string>;
}

const output = resolve(process.argv[2] ?? join(root, "dist"));
const { platform, arch } = process;
const nativeName = `@flambeau/native-${platform}-${arch}`;

const manifestOf = (name: string): Manifest =>
  JSON.parse(readFileSync(join(root, "packages", name, "package.json"), "utf8")) as Manifest;

/** What packages of this workspace need from others: it stays outside the bundle. */
function outerDependencies(): Record<string, string> {
  const names = readdirSync(join(root, "packages")).filter((name) => name !== "testing");
  const all = names.flatMap((name) => Object.entries(manifestOf(name).dependencies ?? {}));
  return Object.fromEntries(all.filter(([name]) => !name.startsWith("@flambeau/")).toSorted());
}

function startFolder(name: string): string {
  const folder = join(output, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}

function finish(folder: string, manifest: object): void {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  copyFileSync(join(root, "LICENSE"), join(folder, "LICENSE"));
}

/** The library: one file for each subpath, what they share in chunks. */
async function packLibrary(): Promise<string> {
  const { version, license, exports } = manifestOf("flambeau");
  const folder = startFolder("flambeau");
  const subpaths = Object.entries(exports).map(([subpath, source]) => {
    const name = subpath === "." ? "index" : subpath.slice(2);
    return { subpath, name, source: join(root, "packages/flambeau", source) };
  });
  const dependencies = outerDependencies();
  await build({
    entryPoints: subpaths.map(({ name, source }) => ({ in: source, out: name })),
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    external: ["node:*", ...Object.keys(dependencies)],
    target: "es2022",
    logLevel: "error",
  });
  copyFileSync(join(root, "README.md"), join(folder, "README.md"));
  finish(folder, {
    name: "flambeau",
    version,
    license,
    type: "module",
    engines: { node: ">=20" },
    exports: Object.fromEntries(subpaths.map(({ subpath, name }) => [subpath, `./${name}.js`])),
    dependencies,
    optionalDependencies: { [nativeName]: version },
  });
  return folder;
}

/** The engine of this platform; other platforms' machines pack theirs. */
async function packEngine(): Promise<string> {
  const built = await buildEngine({ report: (line) => console.log(`  ${line}`) });
  if (!("path" in built)) throw new Error(`native engine: not built, ${built.reason}`);
  const { version, license } = manifestOf("backend-native");
  const folder = startFolder(`native-${platform}-${arch}`);
  const prebuilds = join(folder, "prebuilds", `${platform}-${arch}`);
  mkdirSync(prebuilds, { recursive: true });
  const libc = platform === "linux" ? ".glibc" : "";
  copyFileSync(built.path, join(prebuilds, `flambeau.napi${libc}.node`));
  writeFileSync(
    join(folder, "README.md"),
    `# ${nativeName}\n\nThe native CPU engine of [flambeau](https://www.npmjs.com/package/flambeau) for ${platform} ${arch}. Installed with it; nothing to import here.\n`,
  );
  finish(folder, { name: nativeName, version, license, os: [platform], cpu: [arch], engines: { node: ">=20" } }); // prettier-ignore
  return folder;
}

for (const folder of [await packLibrary(), await packEngine()]) {
  const { code, output: printed } = await runProgram("npm", [
    "pack",
    "--ignore-scripts",
    "--silent",
    "--pack-destination",
    output,
    folder,
  ]);
  if (code !== 0) throw new Error(printed);
  console.log(join(output, printed.trim().split("\n").at(-1)!));
}
