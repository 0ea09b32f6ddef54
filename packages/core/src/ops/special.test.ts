// Special functions in float64 against 60-digit values, and at the ends of their domains. Gradients,
// float32 and other backends: the generated suites.
import { beforeAll, describe, expect, it } from "vitest";
import * as core from "../index.ts";

beforeAll(() => void core.setDefaultDevice(core.device("reference")));

const rows = [
  { name: "lgamma", at: [0.1, 1.3, 2.5, 7.9, 30], expected: [2.252712651734206, -0.1081748095078605, 0.2846828704729192, 8.32426586800881, 71.25703896716801] },
  { name: "digamma", at: [-2.6, 0.1, 1.5, 30], expected: [0.1148975066969342, -10.42375494041108, 0.03648997397857652, 3.384438132685525] },
  { name: "erfc", at: [-1, 0.3, 3, 20], expected: [1.842700792949715, 0.6713732405408726, 2.209049699858544e-05, 5.395865611607901e-176] },
  { name: "erfinv", at: [-0.9, 0.2, 0.99999], expected: [-1.163087153676674, 0.1791434546212917, 3.123413274341571] },
  { name: "erfcx", at: [-1, 2, 50], expected: [5.008980080762283, 0.2553956763105057, 0.01128153626532377] },
  { name: "i0", at: [0.5, 9, 40], expected: [1.063483370741324, 1093.588354511375, 1.48947747934199e+16] },
  { name: "i1", at: [-0.5, 9], expected: [-0.2578943053908963, 1030.914722516957] },
  { name: "i0e", at: [0.5, 700], expected: [0.6450352704491501, 0.01508129565153136] },
  { name: "i1e", at: [0.5, 700], expected: [0.1564208031848717, 0.01507051944471685] },
  { name: "ndtr", at: [-8, 0.5], expected: [6.220960574271784e-16, 0.6914624612740131] },
  { name: "logNdtr", at: [-40, -0.5, 3], expected: [-804.6084420137538, -1.175911761593619, -0.001350809964748194] },
  { name: "ndtri", at: [0.001, 0.3, 0.99], expected: [-3.090232306167814, -0.5244005127080408, 2.326347874040841] },
] as const; // prettier-ignore

const calls = core as unknown as { readonly [name: string]: (x: core.Tensor) => core.Tensor };

describe("special functions", () => {
  for (const { name, at, expected } of rows) {
    it(name, () => {
      const got = calls[name]!(core.tensor([...at], { dtype: "float64" })).dataSync();
      expected.forEach((want, i) =>
        expect(Math.abs(Number(got[i]) / want - 1)).toBeLessThan(2e-14),
      );
    });
  }

  it("at the ends, as PyTorch has them", () => {
    const x = core.tensor([0, -0, 1, -1, Infinity, -Infinity, NaN], { dtype: "float64" });
    const at = (name: string) => Array.from(calls[name]!(x).dataSync(), Number);
    expect(at("lgamma")).toEqual([Infinity, Infinity, 0, Infinity, Infinity, Infinity, NaN]);
    expect(at("digamma").filter((_, i) => i !== 2)).toEqual([-Infinity, Infinity, NaN, Infinity, NaN, NaN]); // prettier-ignore
    expect(at("erfinv")).toEqual([0, -0, Infinity, -Infinity, NaN, NaN, NaN]);
    expect(at("ndtri").slice(0, 6)).toEqual([-Infinity, -Infinity, Infinity, NaN, NaN, NaN]);
    expect(at("logit")).toEqual([-Infinity, -Infinity, Infinity, NaN, NaN, NaN, NaN]);
    expect(at("entr")).toEqual([0, 0, -0, -Infinity, -Infinity, -Infinity, NaN]);
    expect(at("sinc").slice(0, 2)).toEqual([1, 1]);
    expect(core.xlogy(x, 0).dataSync()[0]).toBe(0);
    expect(core.xlogy(0, x).dataSync()[6]).toBe(NaN);
  });

  it("of two operands", () => {
    const [a, x] = [3.5, 2.25].map((value) => core.tensor(value, { dtype: "float64" }));
    const both = core.add(core.gammainc(a!, x!), core.gammaincc(a!, x!));
    expect(both.itemSync()).toBeCloseTo(1, 14);
    expect(core.gammainc(1, x!).itemSync()).toBeCloseTo(1 - Math.exp(-2.25), 14);
    expect(core.zeta(core.tensor([2, 4]), 1).toArray()).toEqual([
      expect.closeTo(Math.PI ** 2 / 6, 6),
      expect.closeTo(Math.PI ** 4 / 90, 6),
    ]);
    expect(() => core.gcd(core.tensor([1.5]), 2)).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: gcd: expected integers, got float32. Cast with to("int64").]`,
    );
    expect(() => core.polygamma(core.tensor([1]), -1)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: polygamma: expected an order n, a whole number from 0 to 30, got -1.]`,
    );
  });
});
