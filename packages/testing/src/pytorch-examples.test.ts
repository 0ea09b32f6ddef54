// The programs of examples/pytorch give the numbers that PyTorch gives. The fixture is written by
// scripts/pytorch_examples.py, which holds the same programs in Python.
import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { setDefaultDevice } from "@flambeau/core";
import { describe, expect, it } from "vitest";
import { testedDevices } from "./devices.ts";

type Numbers = Record<string, number | number[]>;

const folder = path.join(import.meta.dirname, "../../../examples/pytorch");
const fixture = path.join(import.meta.dirname, "../fixtures/pytorch-examples.json");
const { programs } = JSON.parse(readFileSync(fixture, "utf8")) as {
  programs: Record<string, Numbers>;
};

/** Programs in float32; all others compute in float64. */
const single = new Set(["autoencoder", "custom-layer", "transformer-block"]);

/** The largest difference, relative to the largest number expected under that name. */
function distance(got: number | number[], expected: number | number[]): number {
  const [a, b] = [[got].flat(), [expected].flat()];
  if (a.length !== b.length) return Infinity;
  const scale = Math.max(...b.map(Math.abs), Number.MIN_VALUE);
  return Math.max(...b.map((value, i) => Math.abs(a[i]! - value))) / scale;
}

it("every program has its numbers, and the other way round", () => {
  const files = readdirSync(folder).filter((file) => file !== "program.ts");
  expect(files.map((file) => path.basename(file, ".ts"))).toEqual(Object.keys(programs).toSorted());
});

for (const device of testedDevices) {
  describe(device, () => {
    for (const [name, expected] of Object.entries(programs)) {
      it(`${name} equals PyTorch`, async () => {
        const file = pathToFileURL(path.join(folder, `${name}.ts`)).href;
        const { run } = (await import(file)) as { run: () => Promise<Numbers> };
        setDefaultDevice(device); // after the import, which prefers wasm
        const got = await run();
        expect(Object.keys(got)).toEqual(Object.keys(expected));
        const limit = single.has(name) ? 2e-6 : 1e-12;
        const wrong = Object.keys(expected)
          .map((key) => [key, distance(got[key]!, expected[key]!)] as const)
          .filter(([, apart]) => !(apart <= limit));
        expect(wrong).toEqual([]);
      });
    }
  });
}
