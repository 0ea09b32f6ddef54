// Copies golden data (numbers computed with PyTorch) into the fixtures of packages/testing, where
// the tests read it. Run by hand when the data changes: npx tsx scripts/golden.ts <folder of data>
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";

const target = path.join(import.meta.dirname, "../packages/testing/fixtures/golden");

/** Groups whose functions Flambeau does not have at all: copied when it has some. */
const left = new Set(["attention"]);

function copy(source: string): void {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  let total = 0;
  for (const file of readdirSync(source).toSorted()) {
    const { name, ext } = path.parse(file);
    if (left.has(name) || (ext !== ".json" && ext !== ".safetensors")) continue;
    const compressed = gzipSync(readFileSync(path.join(source, file)), { level: 9 });
    writeFileSync(path.join(target, `${file}.gz`), compressed);
    total += compressed.length;
  }
  console.log(`${target}: ${(total / 1024).toFixed(0)} kB`);
}

const source = process.argv[2];
if (source === undefined) {
  console.error("Usage: npx tsx scripts/golden.ts <folder with *.json and *.safetensors>");
  process.exitCode = 1;
} else copy(source);
