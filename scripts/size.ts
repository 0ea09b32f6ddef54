// `npm run size`: what the library weighs in a bundle, minified and gzipped: three ops alone, the whole
// of core, and the wasm backend. `flambeau/ops` attaches no methods, so that only what is used stays.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./run.ts";

async function weigh(code: string): Promise<{ minified: number; gzipped: number }> {
  const result = await build({
    stdin: { contents: code, resolveDir: `${root}/examples`, loader: "ts" },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    treeShaking: true,
  });
  const bytes = result.outputFiles[0]!.contents;
  return { minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length };
}

const bundles: readonly [name: string, code: string][] = [
  [
    "three ops of flambeau/ops",
    'import { add, matmul, relu } from "flambeau/ops"; console.log(add, matmul, relu);',
  ],
  ["every op of flambeau/ops", 'import * as ops from "flambeau/ops"; console.log(ops);'],
  ["the whole of core", 'import * as core from "@flambeau/core"; console.log(core);'],
  [
    "flambeau, wasm backend included",
    'import * as flambeau from "flambeau"; console.log(flambeau);',
  ],
];

for (const [name, code] of bundles) {
  const { minified, gzipped } = await weigh(code);
  console.log(`${name.padEnd(34)} ${String(minified).padStart(8)} bytes minified ${String(gzipped).padStart(8)} gzipped`); // prettier-ignore
}
