// Densities, moments, distribution functions and entropies against SciPy 1.17; samples against both.
import { beforeAll, describe, expect, it } from "vitest";
import {
  autograd,
  device,
  distributions as D,
  manualSeed,
  setDefaultDevice,
  tensor,
} from "../index.ts";
import { ndtri } from "../index.ts";
import type { Tensor } from "../tensor.ts";

beforeAll(() => void setDefaultDevice(device("reference")));

interface Row {
  readonly make: () => D.Distribution;
  readonly at: readonly number[];
  readonly logProb: readonly number[];
  readonly mean: number;
  readonly variance: number;
  readonly cdf?: readonly number[];
  /** At 0.05, 0.5 and 0.9. */
  readonly icdf?: readonly number[];
  readonly entropy?: number;
}

const rows: readonly Row[] = [
  { make: () => new D.Normal(0.5, 2),
    at: [-3, 0, 4], logProb: [-3.14333571, -1.64333571, -3.14333571],
    mean: 0.5, variance: 4, cdf: [0.0400591569, 0.401293674, 0.959940843], icdf: [-2.78970725, 0.5, 3.06310313], entropy: 2.11208571 },
  { make: () => new D.LogNormal(0.5, 0.75),
    at: [0.2, 1, 4], logProb: [-2.9771326, -0.853478683, -2.71578877],
    mean: 2.18420081, variance: 3.60216431, cdf: [0.00245726016, 0.252492538, 0.881342744], icdf: [0.480157924, 1.64872127, 4.31097318], entropy: 1.63125646 },
  { make: () => new D.HalfNormal(2),
    at: [0.1, 1, 4], logProb: [-0.920188533, -1.04393853, -2.91893853],
    mean: 1.59576912, variance: 1.45352091, cdf: [0.0398776117, 0.382924923, 0.954499736], icdf: [0.125413556, 1.3489795, 3.28970725], entropy: 1.41893853 },
  { make: () => new D.Cauchy(0.5, 2),
    at: [-3, 0, 40], logProb: [-3.23967561, -1.89850169, -7.80674446],
    mean: NaN, variance: NaN, cdf: [0.165249341, 0.42202087, 0.983896796], icdf: [-12.127503, 0.5, 6.65536707], entropy: 3.22417143 },
  { make: () => new D.HalfCauchy(2),
    at: [0.1, 1, 40], logProb: [-1.14722677, -1.36787344, -7.13869131],
    mean: Infinity, variance: NaN, cdf: [0.0318045025, 0.295167235, 0.968195497], icdf: [0.157403414, 2, 12.627503], entropy: 2.53102425 },
  { make: () => new D.Laplace(0.5, 2),
    at: [-3, 0, 4], logProb: [-3.13629436, -1.63629436, -3.13629436],
    mean: 0.5, variance: 8, cdf: [0.0868869717, 0.389400392, 0.913113028], icdf: [-4.10517019, 0.5, 3.71887582], entropy: 2.38629436 },
  { make: () => new D.Gumbel(0.5, 2),
    at: [-3, 0, 4], logProb: [-4.69774986, -1.7271726, -2.61692112],
    mean: 1.65443133, variance: 6.57973627, cdf: [0.00316816515, 0.276920334, 0.840486874], icdf: [-1.6943774, 1.23302584, 5.00073465], entropy: 2.27036285 },
  { make: () => new D.Uniform(-1, 3),
    at: [-0.5, 0, 2.5], logProb: [-1.38629436, -1.38629436, -1.38629436],
    mean: 1, variance: 1.33333333, cdf: [0.125, 0.25, 0.875], icdf: [-0.8, 1, 2.6], entropy: 1.38629436 },
  { make: () => new D.Exponential(1.5),
    at: [0.1, 1, 4], logProb: [0.255465108, -1.09453489, -5.59453489],
    mean: 0.666666667, variance: 0.444444444, cdf: [0.139292024, 0.77686984, 0.997521248], icdf: [0.0341955296, 0.46209812, 1.53505673], entropy: 0.594534892 },
  { make: () => new D.Weibull(2, 1.5),
    at: [0.1, 1, 4], logProb: [-1.79672855, -0.987809053, -2.76953561],
    mean: 1.80549059, variance: 1.50276114, cdf: [0.0111180722, 0.297811499, 0.940894253], icdf: [0.276102533, 1.56643954, 3.48744303], entropy: 1.48008729 },
  { make: () => new D.Pareto(1.5, 3),
    at: [1.6, 2, 5], logProb: [0.434993096, -0.457581109, -4.12274404],
    mean: 2.25, variance: 1.6875, cdf: [0.176025391, 0.578125, 0.973], icdf: [1.52586715, 1.88988157, 3.23165204], entropy: 0.640186153 },
  { make: () => new D.Gamma(2.5, 1.5),
    at: [0.1, 1, 4], logProb: [-2.87489774, -0.7710201, -3.19157856],
    mean: 1.66666667, variance: 1.11111111, cdf: [0.00235691374, 0.300014164, 0.965212219], entropy: 1.3244828 },
  { make: () => new D.Chi2(3),
    at: [0.1, 1, 4], logProb: [-2.12023108, -1.41893853, -2.22579135],
    mean: 3, variance: 6, cdf: [0.00816257627, 0.198748043, 0.73853587], entropy: 2.05411996 },
  { make: () => new D.Beta(2, 3.5),
    at: [0.1, 0.5, 0.9], logProb: [0.190853983, 0.330825233, -3.10498288],
    mean: 0.363636364, variance: 0.0356007629, entropy: -0.298690282 },
  { make: () => new D.StudentT(5, 0.5, 2),
    at: [-3, 0, 4], logProb: [-3.09512408, -1.69903433, -3.09512408],
    mean: 0.5, variance: 6.66666667, entropy: 2.32064985 },
  { make: () => new D.Bernoulli({ probs: 0.3 }),
    at: [0, 1], logProb: [-0.356674944, -1.2039728],
    mean: 0.3, variance: 0.21, entropy: 0.610864302 },
  { make: () => new D.Bernoulli({ logits: 1.25 }),
    at: [0, 1], logProb: [-1.50192908, -0.251929081],
    mean: 0.777299861, variance: 0.173104787, entropy: 0.530304255 },
  { make: () => new D.Geometric({ probs: 0.3 }),
    at: [0, 1, 5], logProb: [-1.2039728, -1.56064775, -2.98734752],
    mean: 2.33333333, variance: 7.77777778, entropy: 2.03621434 },
  { make: () => new D.Poisson(3.5),
    at: [0, 1, 7], logProb: [-3.5, -2.24723703, -3.25582058],
    mean: 3.5, variance: 3.5 },
  { make: () => new D.Binomial(7, { probs: 0.3 }),
    at: [0, 2, 7], logProb: [-2.49672461, -1.14679789, -8.42780963],
    mean: 2.1, variance: 1.47, entropy: 1.59269726 },
  { make: () => new D.Binomial(7, { logits: -0.5 }),
    at: [0, 2, 7], logProb: [-3.31853889, -1.27401645, -6.81853889],
    mean: 2.64278468, variance: 1.64502599, entropy: 1.65966533 },
]; // prettier-ignore

const near = (value: number): unknown =>
  Number.isFinite(value) ? expect.closeTo(value, Math.abs(value) > 10 ? 3 : 4) : value;

const numbers = (x: Tensor): number[] => Array.from(x.dataSync(), Number);

describe("closed forms", () => {
  for (const row of rows) {
    it(String(row.make).slice(6), () => {
      const d = row.make();
      const at = tensor([...row.at]);
      expect(numbers(d.logProb(at))).toEqual(row.logProb.map(near));
      expect(d.mean.itemSync()).toEqual(near(row.mean));
      expect(d.variance.itemSync()).toEqual(near(row.variance));
      if (row.cdf) expect(numbers(d.cdf(at))).toEqual(row.cdf.map(near));
      if (row.icdf) expect(numbers(d.icdf(tensor([0.05, 0.5, 0.9])))).toEqual(row.icdf.map(near));
      if (row.entropy !== undefined) expect(d.entropy().itemSync()).toEqual(near(row.entropy));
      expect(d.expand([2, 3]).logProb(tensor(row.at[0]!)).shape).toEqual([2, 3]);
    });
  }
});

describe("samples", () => {
  for (const row of rows) {
    if (!Number.isFinite(row.variance)) continue;
    it(`${String(row.make).slice(6)} has its moments`, () => {
      manualSeed(11);
      const count = 4000;
      const x = row.make().sample([count]);
      const deviation = Math.sqrt(row.variance);
      expect(Math.abs(x.mean().itemSync() - row.mean)).toBeLessThan(
        (5 * deviation) / Math.sqrt(count),
      );
      expect(x.variance().itemSync() / row.variance).toBeGreaterThan(0.8);
      expect(x.variance().itemSync() / row.variance).toBeLessThan(1.3);
    });
  }

  it("are the same for the same seed, and new at each call", () => {
    const d = new D.Gamma(2, 1);
    manualSeed(3);
    const [a, b] = [d.sample([5]), d.sample([5])];
    manualSeed(3);
    expect(d.sample([5]).toArray()).toEqual(a.toArray());
    expect(b.toArray()).not.toEqual(a.toArray());
  });

  it("carry gradients where they are reparameterised", () => {
    const [loc, scale] = [0.5, 2].map((v) => tensor(v, { requiresGrad: true, dtype: "float64" }));
    manualSeed(1);
    const x = new D.Normal(loc!, scale!).rsample([50]);
    const [toLoc, toScale] = autograd.grad([x.sum()], [loc!, scale!]);
    expect(toLoc!.itemSync()).toBeCloseTo(50);
    expect(toScale!.itemSync()).toBeCloseTo((x.sum().itemSync() - 25) / 2);
    expect(new D.Normal(loc!, scale!).sample([2]).requiresGrad).toBe(false);
  });

  it("of gamma move with the shape as their quantiles do", () => {
    // For a large shape the distribution is nearly normal, and its quantiles are known.
    const a = tensor(900, { requiresGrad: true, dtype: "float64" });
    manualSeed(2);
    const x = new D.Gamma(a, 1).rsample([20]);
    for (let i = 0; i < 20; i++) {
      const value = x.at(i);
      const [slope] = autograd.grad([value], [a], { retainGraph: true });
      const z = (value.itemSync() - 900) / 30;
      // d/da (a + z·√a + …)
      expect(slope!.itemSync()).toBeCloseTo(1 + z / 60, 2);
    }
    expect(ndtri(tensor(0.5)).itemSync()).toBe(0);
  });

  it("of gamma have the mean's slope on average", () => {
    const a = tensor(0.7, { requiresGrad: true, dtype: "float64" });
    manualSeed(4);
    const [slope] = autograd.grad([new D.Gamma(a, 2).rsample([4000]).mean()], [a]);
    expect(slope!.itemSync()).toBeCloseTo(0.5, 1);
  });
});

describe("gradients of log-probabilities", () => {
  const values = tensor([0.3, 0.6], { dtype: "float64" });
  const cases: { readonly [name: string]: (a: Tensor, b: Tensor) => Tensor } = {
    Normal: (a, b) => new D.Normal(a, b).logProb(values),
    LogNormal: (a, b) => new D.LogNormal(a, b).logProb(values),
    Laplace: (a, b) => new D.Laplace(a, b).logProb(values),
    Gumbel: (a, b) => new D.Gumbel(a, b).logProb(values),
    Gamma: (a, b) => new D.Gamma(a, b).logProb(values),
    Beta: (a, b) => new D.Beta(a, b).logProb(values),
    StudentT: (a, b) => new D.StudentT(a, b).logProb(values),
    Weibull: (a, b) => new D.Weibull(a, b).logProb(values),
    "entropy of Beta": (a, b) => new D.Beta(a, b).entropy(),
    "entropy of Gamma": (a, b) => new D.Gamma(a, b).entropy(),
    "divergence of Gamma": (a, b) => D.klDivergence(new D.Gamma(a, b), new D.Gamma(b, a)),
  };
  for (const [name, call] of Object.entries(cases)) {
    it(name, () => {
      const [a, b] = [[1.2, 2.3], [0.8, 1.7]].map((v) => tensor(v, { dtype: "float64", requiresGrad: true })); // prettier-ignore
      autograd.gradcheck(call, [a!, b!]);
    });
  }
});
