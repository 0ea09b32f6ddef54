// Runs the generated suite on every device that is present; gradients are in gradients.test.ts.
// FLAMBEAU_LANE=fast takes two dtypes and the commonest variants, and on wasm every other op, `full` (the default) everything;
// FLAMBEAU_SUPPORT_TABLE=1 prints the support table.
import * as core from "@flambeau/core";
import { afterAll, describe, expect, it } from "vitest";
import {
  type ConformanceOptions,
  type Verdict,
  failuresOf,
  runConformance,
} from "./conformance.ts";
import { lane, testedDevices } from "./devices.ts";
import { difference, readSync } from "./matchers.ts";
import { opsOf } from "./named-ops.ts";
import { summaryOf, supportTable } from "./support-table.ts";

const ops = opsOf(core);
const verdicts: Verdict[] = [];

const conformance: ConformanceOptions =
  lane === "full"
    ? {}
    : {
        dtypes: ["float32", "int32"],
        placements: ["row-major", "sliced"],
        values: ["extreme", "empty"],
      };

const onlyReference = testedDevices.slice(0, 1);
const others = testedDevices.slice(1);

function collect(found: readonly Verdict[]): void {
  for (const verdict of found) verdicts.push(verdict);
  const failures = failuresOf(found);
  if (failures.length > 0)
    expect.fail(`${failures.length} cases:\n${failures.slice(0, 5).join("\n")}`);
}

describe("every op means the same", () => {
  for (const op of ops) {
    it(`${op.name} on reference and null`, () => {
      collect(runConformance([op], { ...conformance, devices: onlyReference }));
    });
  }
  for (const device of others) {
    for (const op of ops.filter((_, i) => lane === "full" || i % 2 === 0)) {
      it(`${op.name} on ${device}`, () => {
        const modes = ["eager", "traced"] as const;
        collect(runConformance([op], { ...conformance, modes, devices: [device] }));
      });
    }
  }
});

describe("random numbers are the same everywhere", () => {
  const draws: { readonly [name: string]: (generator: core.Generator) => core.Tensor } = {
    randomWords: (generator) => core.randomWords([3, 50], { generator }),
    rand: (generator) => core.rand([101], { generator }),
    "rand float64": (generator) => core.rand([101], { generator, dtype: "float64" }),
    randint: (generator) => core.randint(-3, 1000, [64], { generator }),
    randperm: (generator) => core.randperm(40, { generator }),
    bernoulli: (generator) => core.bernoulli(filled(generator, 0.3), { generator }),
    multinomial: (generator) =>
      core.multinomial(filled(generator, 1), 9, { generator, replacement: true }),
    poisson: (generator) => core.poisson(filled(generator, 12), { generator }),
    standardGamma: (generator) => core.standardGamma(filled(generator, 0.7), { generator }),
  };
  const filled = ({ device }: core.Generator, value: number): core.Tensor =>
    core.full([50], value, { device });
  const drawn = (name: string, device: string) =>
    core.scope(() => {
      const generator = new core.Generator(core.device(device), 2 ** 40 + 7);
      return [1, 2, 3].map(() => readSync(draws[name]!(generator)));
    });
  for (const device of others) {
    for (const name of Object.keys(draws)) {
      it(`${name} on ${device}, bit for bit`, () => {
        expect(drawn(name, device)).toEqual(drawn(name, "reference"));
      });
    }
    it(`randn on ${device}, to rounding`, () => {
      const normal = (name: string) =>
        core.scope(() => {
          const generator = new core.Generator(core.device(name), 5);
          return readSync(core.randn([200], { generator }));
        });
      expect(difference(normal(device), normal("reference"), { rtol: 1e-5, atol: 1e-6 })).toBe(
        undefined,
      );
    });
  }
});

describe("conversions of what does not fit", () => {
  const from = [0, -0, 0.5, -0.5, 1.9, -1.9, 255, 256, 300.7, -1, 2 ** 31, -(2 ** 31) - 1, 1e30, -1e30, Infinity, -Infinity, NaN]; // prettier-ignore
  for (const device of others) {
    for (const source of ["float32", "float64"] as const) {
      for (const target of core.dtypes) {
        it(`${source} to ${target} on ${device}`, () => {
          const cast = (name: string) =>
            readSync(core.tensor(from, { dtype: source, device: name }).to(target));
          expect(difference(cast(device), cast("reference"))).toBe(undefined);
        });
      }
    }
  }
});

afterAll(() => {
  const table = process.env["FLAMBEAU_SUPPORT_TABLE"] === "1" ? `${supportTable(verdicts)}\n` : "";
  console.log(`${table}${lane} lane on ${testedDevices.join(", ")}: ${summaryOf(verdicts)}`);
});
