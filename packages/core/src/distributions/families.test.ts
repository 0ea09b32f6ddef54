// Divergences, vectors of values, combinations, errors. Scalar families: densities.test.ts. Expected
// numbers are SciPy's: integrals and sums over the definitions.
import { beforeAll, describe, expect, it } from "vitest";
import {
  type Tensor,
  device,
  distributions as D,
  manualSeed,
  setDefaultDevice,
  tensor,
  trace,
} from "../index.ts";

beforeAll(() => void setDefaultDevice(device("reference")));

const p = tensor([0.2, 0.3, 0.5]);

describe("divergences", () => {
  const pairs: readonly (readonly [() => D.Distribution, () => D.Distribution, number])[] = [
    [() => new D.Normal(0.5, 2), () => new D.Normal(1, 1.5), 0.156762372],
    [() => new D.LogNormal(0.5, 0.75), () => new D.LogNormal(0, 1), 0.193932072],
    [() => new D.HalfNormal(2), () => new D.HalfNormal(1.5), 0.101206816],
    [() => new D.Laplace(0.5, 2), () => new D.Laplace(1, 1.5), 0.084052305],
    [() => new D.Cauchy(0.5, 2), () => new D.Cauchy(1, 1.5), 0.0408219945],
    [() => new D.Gumbel(0.5, 2), () => new D.Gumbel(1, 1.5), 0.233060885],
    [() => new D.Exponential(1.5), () => new D.Exponential(0.5), 0.431945622],
    [() => new D.Gamma(2.5, 1.5), () => new D.Gamma(1.5, 1), 0.0725558614],
    [() => new D.Beta(2, 3.5), () => new D.Beta(1.5, 2), 0.0790253566],
    [() => new D.Uniform(0, 1), () => new D.Uniform(-1, 3), 1.38629436],
    [() => new D.Pareto(2, 3), () => new D.Pareto(1.5, 2), 0.64749592],
    [() => new D.Bernoulli({ probs: 0.3 }), () => new D.Bernoulli({ probs: 0.6 }), 0.183786897],
    [() => new D.Geometric({ probs: 0.3 }), () => new D.Geometric({ probs: 0.6 }), 0.612622991],
    [() => new D.Poisson(3.5), () => new D.Poisson(2), 0.458655258],
    [() => new D.Binomial(7, { probs: 0.3 }), () => new D.Binomial(7, { probs: 0.6 }), 1.28650828],
    [
      () => new D.Dirichlet(tensor([2, 1.5, 3])),
      () => new D.Dirichlet(tensor([1, 1, 2])),
      0.179972979,
    ],
    [
      () => new D.Categorical({ probs: p }),
      () => new D.Categorical({ probs: tensor([0.5, 0.25, 0.25]) }),
      0.218011911,
    ],
    [
      () => mvn([[1.5, 0], [0.5, 0.8]]),
      () =>
        new D.MultivariateNormal(tensor([0, 0]), { covarianceMatrix: tensor([[2, 0.3], [0.3, 1]]) }),
      0.745942106,
    ],
  ]; // prettier-ignore
  for (const [a, b, expected] of pairs) {
    it(`${a().name}`, () => {
      expect(D.klDivergence(a(), b()).itemSync()).toBeCloseTo(expected, 4);
      expect(D.klDivergence(a(), a()).itemSync()).toBeCloseTo(0, 5);
    });
  }

  it("are infinite where q excludes what p gives", () => {
    const [narrow, wide] = [new D.Uniform(0, 1), new D.Uniform(0, 2)];
    expect(D.klDivergence(wide, narrow).itemSync()).toBe(Infinity);
    const [never, maybe] = [new D.Bernoulli({ probs: 0 }), new D.Bernoulli({ probs: 0.5 })];
    expect(D.klDivergence(maybe, never).itemSync()).toBe(Infinity);
    expect(D.klDivergence(never, maybe).itemSync()).toBeCloseTo(Math.LN2);
  });

  it("of unknown pairs say what to do, and pairs can be added", () => {
    const [a, b] = [new D.Normal(0, 1), new D.Cauchy(0, 1)];
    expect(() => D.klDivergence(a, b)).toThrowErrorMatchingInlineSnapshot(
      `[FlambeauError: klDivergence: no closed form is known for Normal and Cauchy. Estimate it from samples: x = p.sample([1000]); p.logProb(x).sub(q.logProb(x)).mean(0). registerKl adds pairs.]`,
    );
    D.registerKl(D.Normal, D.Cauchy, (one) => one.loc);
    expect(D.klDivergence(a, b).itemSync()).toBe(0);
  });
});

const mvn = (scaleTril: number[][]) =>
  new D.MultivariateNormal(tensor([0.5, -1]), { scaleTril: tensor(scaleTril) });

describe("vectors", () => {
  it("Dirichlet", () => {
    const d = new D.Dirichlet(tensor([2, 1.5, 3]));
    expect(d.logProb(p).itemSync()).toBeCloseTo(1.492478, 4);
    expect(d.entropy().itemSync()).toBeCloseTo(-1.101605, 4);
    manualSeed(5);
    const x = d.sample([2000]);
    expect(x.sum(-1).allclose(tensor([1]), { atol: 1e-5 })).toBe(true);
    expect(x.mean(0).allclose(d.mean, { atol: 0.02 })).toBe(true);
    expect(x.variance(0).allclose(d.variance, { atol: 0.005 })).toBe(true);
  });

  it("Multinomial and OneHotCategorical", () => {
    const d = new D.Multinomial(6, { probs: p });
    expect(d.logProb(tensor([1, 2, 3])).itemSync()).toBeCloseTo(-2.0024805, 4);
    manualSeed(6);
    const x = d.sample([1000]);
    expect(x.shape).toEqual([1000, 3]);
    expect(x.sum(-1).equal(tensor(new Array<number>(1000).fill(6)))).toBe(true);
    expect(x.mean(0).allclose(d.mean, { atol: 0.15 })).toBe(true);
    const hot = new D.OneHotCategorical({ probs: p });
    expect(hot.sample([4]).sum(-1).toArray()).toEqual([1, 1, 1, 1]);
    expect(hot.logProb(tensor([0, 0, 1])).itemSync()).toBeCloseTo(Math.log(0.5));
    expect(hot.entropy().itemSync()).toBeCloseTo(1.029653);
  });

  it("Categorical over batches", () => {
    const d = new D.Categorical({ logits: tensor([[0, 1, 2], [0, 0, 0]]) }); // prettier-ignore
    expect(d.batchShape).toEqual([2]);
    manualSeed(7);
    const x = d.sample([2000]);
    expect([x.shape, x.dtype]).toEqual([[2000, 2], "int32"]);
    const share = x.eq(2).cast("float32").mean(0);
    expect(share.allclose(d.probs.at(":", 2), { atol: 0.04 })).toBe(true);
    expect(d.logProb(tensor([2, 0], { dtype: "int64" })).toArray()).toEqual([
      expect.closeTo(-0.407606, 4),
      expect.closeTo(-Math.log(3), 4),
    ]);
    expect(d.enumerateSupport().shape).toEqual([3, 2]);
    expect(
      d
        .logProb(d.enumerateSupport())
        .exp()
        .sum(0)
        .allclose(tensor([1])),
    ).toBe(true);
  });

  it("MultivariateNormal", () => {
    const d = mvn([[1.5, 0], [0.5, 0.8]]); // prettier-ignore
    expect(d.logProb(tensor([1, 0.3])).itemSync()).toBeCloseTo(-3.0792264, 4);
    expect(d.entropy().itemSync()).toBeCloseTo(3.0201986, 4);
    const same = new D.MultivariateNormal(d.loc, { covarianceMatrix: d.covarianceMatrix });
    expect(same.scaleTril.allclose(d.scaleTril, { atol: 1e-5 })).toBe(true);
    const inverse = new D.MultivariateNormal(d.loc, { precisionMatrix: tensor([[0.6180556, -0.5208333], [-0.5208333, 1.5625]]) }); // prettier-ignore
    expect(inverse.covarianceMatrix.allclose(d.covarianceMatrix, { rtol: 1e-4 })).toBe(true);
    manualSeed(8);
    const x = d.rsample([3000]);
    expect(x.mean(0).allclose(d.mean, { atol: 0.1 })).toBe(true);
    expect(x.variance(0).allclose(d.variance, { rtol: 0.1 })).toBe(true);
    expect(d.expand([4]).logProb(tensor([1, 0.3])).shape).toEqual([4]);
  });
});

describe("combinations", () => {
  it("Independent sums over event axes", () => {
    const base = new D.Normal(tensor([[0, 1, 2], [3, 4, 5]]), 1); // prettier-ignore
    const d = new D.Independent(base, 1);
    expect([d.batchShape, d.eventShape]).toEqual([[2], [3]]);
    const x = d.sample([4]);
    expect(d.logProb(x).allclose(base.logProb(x).sum(-1))).toBe(true);
    expect(D.klDivergence(d, d).toArray()).toEqual([0, 0]);
    expect(d.expand([5, 2]).sample().shape).toEqual([5, 2, 3]);
  });

  it("MixtureSameFamily", () => {
    const parts = new D.Normal(tensor([0, 2]), tensor([1, 0.5]));
    const d = new D.MixtureSameFamily(new D.Categorical({ probs: tensor([0.3, 0.7]) }), parts);
    expect(d.logProb(tensor(0.7)).itemSync()).toBeCloseTo(-2.1830939, 4);
    expect(d.cdf(tensor(0.7)).itemSync()).toBeCloseTo(0.2306737, 4);
    manualSeed(9);
    const x = d.sample([4000]);
    expect(x.shape).toEqual([4000]);
    expect(x.mean().itemSync()).toBeCloseTo(d.mean.itemSync(), 1);
    expect(x.variance().itemSync()).toBeCloseTo(d.variance.itemSync(), 1);
    expect(() => d.rsample()).toThrow("no differentiable function");
  });

  it("mixtures of vectors", () => {
    const parts = new D.Independent(new D.Normal(tensor([[0, 0], [5, 5]]), 0.1), 1); // prettier-ignore
    const d = new D.MixtureSameFamily(new D.Categorical({ probs: tensor([0.5, 0.5]) }), parts);
    const x = d.sample([3]);
    expect([x.shape, d.logProb(x).shape, d.mean.shape]).toEqual([[3, 2], [3], [2]]);
  });

  it("TransformedDistribution", () => {
    const logistic = new D.TransformedDistribution(new D.Normal(0.5, 2), new D.SigmoidTransform());
    expect(logistic.logProb(tensor(0.3)).itemSync()).toBeCloseTo(-0.2783394, 4);
    const squashed = new D.TransformedDistribution(new D.Normal(0, 1), [new D.TanhTransform()]);
    expect(squashed.logProb(tensor(0.4)).itemSync()).toBeCloseTo(-0.8343244, 4);
    const chain = [new D.AffineTransform(0.5, -0.75), new D.ExpTransform()];
    const moved = new D.TransformedDistribution(new D.Normal(0, 1), chain);
    const direct = new D.LogNormal(0.5, 0.75);
    const at = tensor([0.2, 1, 4]);
    expect(moved.logProb(at).allclose(direct.logProb(at), { atol: 1e-5 })).toBe(true);
    expect(moved.cdf(at).allclose(direct.cdf(at), { atol: 1e-5 })).toBe(true);
    expect(moved.icdf(tensor([0.1])).allclose(direct.icdf(tensor([0.1])), { atol: 1e-5 })).toBe(
      true,
    );
  });
});

describe("use", () => {
  it("checks parameters and values", () => {
    const wrong: readonly (() => unknown)[] = [
      () => new D.Normal(0, tensor([1, -1])),
      () => new D.Normal(0, 1).logProb(tensor([NaN])),
      () => new D.Uniform(2, 1),
      () => new D.Bernoulli({ probs: 1.5 }),
      () => new D.Bernoulli({}),
      () => new D.Categorical({ probs: tensor([[0.5, 0.5], [0, 0]]) }), // prettier-ignore
      () => new D.Categorical({ probs: p }).logProb(tensor(3)),
      () => new D.Dirichlet(tensor([1, 2])).logProb(tensor([0.5, 0.6])),
      () => new D.Dirichlet(tensor([1, 2])).logProb(p),
      () => mvn([[1, 1], [0, 1]]), // prettier-ignore
      () => new D.MultivariateNormal(p, {}),
      () => new D.Poisson(2).rsample(),
      () => new D.Poisson(2).entropy(),
      () => new D.Normal(0, 1).sample(3 as never),
      () => new D.Multinomial(1.5, { probs: p }),
    ];
    const messages = wrong.map((body) => {
      try {
        body();
        return "nothing was thrown";
      } catch (error) {
        return String(error);
      }
    });
    expect(messages).toMatchInlineSnapshot(`
      [
        "FlambeauError: Normal: scale: expected a number > 0, got -1 at position 1 of 2. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Normal: value: expected a number, got NaN at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Uniform: high - low: expected a number > 0, got -1 at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Bernoulli: probs: expected a number in [0, 1], got 1.5 at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Bernoulli: expected either probs or logits, got neither. Pass { probs: … } or { logits: … }.",
        "FlambeauError: Categorical: probs: expected a vector of weights ≥ 0, one of them > 0, got [0, 0] at position 1 of 2. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Categorical: value: expected a whole number from 0 to 2, got 3 at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: Dirichlet: value: expected a vector of numbers ≥ 0 that sum to 1, got [0.5, 0.6000000238418579] at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "ShapeError: Dirichlet: expected values whose last axes are [2], got shape [3].",
        "FlambeauError: MultivariateNormal: scaleTril: expected a lower triangular matrix with a positive diagonal, got [1, 1, 0, 1] at position 0 of 1. Correct the value, or pass { validateArgs: false } to skip this check.",
        "FlambeauError: MultivariateNormal: expected one of scaleTril, covarianceMatrix and precisionMatrix, got 0 of them.",
        "FlambeauError: Poisson.rsample: its values are no differentiable function of the parameters. Use sample(), with logProb() as a score-function estimator.",
        "FlambeauError: Poisson.entropy: no closed form is known. Estimate what you need from samples: d.sample([1000]).",
        "ShapeError: Normal.sample: expected a shape, an array of non-negative integers, got 3.",
        "FlambeauError: Multinomial: expected totalCount, a whole number ≥ 0 (the same for the batch), got 1.5.",
      ]
    `);
    expect(new D.Normal(0, -1, { validateArgs: false }).scale.itemSync()).toBe(-1);
  });

  it("can be traced: nothing is read, and each replay draws anew", () => {
    const draw = trace((scale: Tensor) => {
      const d = new D.Normal(0, scale);
      const x = d.rsample([3]);
      return [x, d.logProb(x)];
    });
    const [a] = draw(tensor(2)) as [ReturnType<typeof tensor>, unknown];
    const [b] = draw(tensor(2)) as [ReturnType<typeof tensor>, unknown];
    expect(a.toArray()).not.toEqual(b.toArray());
  });
});
