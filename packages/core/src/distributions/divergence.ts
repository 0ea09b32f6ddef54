// Kullback-Leibler divergences of pairs of distributions, found by the classes of both.
import { FlambeauError } from "../errors.ts";
import { modes } from "../modes.ts";
import { abs, add, div, eq, ge, gt, le, logicalAnd, lt, mul, neg, square, sub, where } from "../ops/arithmetic.ts"; // prettier-ignore
import { exp, log, log1p } from "../ops/math.ts";
import { sum } from "../ops/reduction.ts";
import { digamma, lgamma } from "../ops/special.ts";
import { solveTriangular } from "../ops/linalg/triangular.ts";
import { scope } from "../scope.ts";
import type { Tensor } from "../tensor.ts";
import { Categorical, OneHotCategorical } from "./categorical.ts";
import { Independent } from "./combination.ts";
import { Bernoulli, Binomial, Geometric, Poisson } from "./counts.ts";
import { type Distribution, lastAxes } from "./distribution.ts";
import { Beta, Dirichlet, Gamma } from "./gamma.ts";
import { Cauchy, Gumbel, Laplace, euler } from "./location-scale.ts";
import { MultivariateNormal, halfLogDeterminant, mahalanobis } from "./multivariate-normal.ts";
import { HalfNormal, LogNormal, Normal } from "./normal.ts";
import { softplusOf } from "./parameters.ts";
import { Exponential, Pareto, Uniform } from "./positive.ts";

type Class<D> = abstract new (...inputs: never[]) => D;

interface Rule {
  readonly p: Class<Distribution>;
  readonly q: Class<Distribution>;
  readonly divergence: (p: never, q: never) => Tensor;
}

const rule = <P extends Distribution, Q extends Distribution>(
  p: Class<P>,
  q: Class<Q>,
  divergence: (p: P, q: Q) => Tensor,
): Rule => ({ p, q, divergence });

interface Gaussian {
  readonly loc: Tensor | number;
  readonly scale: Tensor;
}

/** From scales and locations: ½(r² + d² - 1 - log r²). */
function gaussians(p: Gaussian, q: Gaussian): Tensor {
  const ratio = square(div(p.scale, q.scale));
  const distance = square(div(sub(p.loc, q.loc), q.scale));
  return mul(sub(sub(add(ratio, distance), 1), log(ratio)), 0.5);
}

/** Σ p·(log p - log q): ∞ where q is 0 and p is not, 0 where p is 0. */
function weights(p: Categorical | OneHotCategorical, q: Categorical | OneHotCategorical): Tensor {
  const terms = mul(p.probs, sub(p.logits, q.logits));
  const limited = where(eq(q.probs, 0), Infinity, terms);
  return sum(where(eq(p.probs, 0), 0, limited), -1);
}

function bernoullis(p: Bernoulli, q: Bernoulli): Tensor {
  const [a, b] = [p.probs, q.probs];
  const ones = mul(a, sub(softplusOf(neg(q.logits)), softplusOf(neg(p.logits))));
  const zeros = mul(sub(1, a), sub(softplusOf(q.logits), softplusOf(p.logits)));
  const first = where(eq(a, 0), 0, where(eq(b, 0), Infinity, ones));
  return add(first, where(eq(a, 1), 0, where(eq(b, 1), Infinity, zeros)));
}

function binomials(p: Binomial, q: Binomial): Tensor {
  const perTrial = add(
    mul(p.probs, sub(p.logits, q.logits)),
    sub(softplusOf(q.logits), softplusOf(p.logits)),
  );
  const value = mul(p.totalCount, perTrial);
  // More trials reach counts that q never gives; fewer have no closed form.
  const more = where(gt(p.totalCount, q.totalCount), Infinity, NaN);
  return where(eq(p.totalCount, q.totalCount), value, more);
}

function gammas(p: Gamma, q: Gamma): Tensor {
  const [a, b] = [p.concentration, q.concentration];
  const rates = mul(b, log(div(p.rate, q.rate)));
  const shapes = add(sub(lgamma(b), lgamma(a)), mul(sub(a, b), digamma(a)));
  return add(add(rates, shapes), mul(sub(q.rate, p.rate), div(a, p.rate)));
}

function betas(p: Beta, q: Beta): Tensor {
  const [a, b, c, d] = [p.concentration1, p.concentration0, q.concentration1, q.concentration0];
  const [own, other] = [add(a, b), add(c, d)];
  const t1 = add(add(lgamma(c), lgamma(d)), lgamma(own));
  const t2 = add(add(lgamma(a), lgamma(b)), lgamma(other));
  const slopes = add(mul(sub(a, c), digamma(a)), mul(sub(b, d), digamma(b)));
  return add(add(sub(t1, t2), slopes), mul(sub(other, own), digamma(own)));
}

function dirichlets(p: Dirichlet, q: Dirichlet): Tensor {
  const [a, b] = [p.concentration, q.concentration];
  const total = sum(a, -1, { keepDims: true });
  const own = sub(lgamma(sum(a, -1)), sum(lgamma(a), -1));
  const other = sub(lgamma(sum(b, -1)), sum(lgamma(b), -1));
  return add(sub(own, other), sum(mul(sub(a, b), sub(digamma(a), digamma(total))), -1));
}

function laplaces(p: Laplace, q: Laplace): Tensor {
  const ratio = div(p.scale, q.scale);
  const distance = abs(sub(p.loc, q.loc));
  const tails = mul(ratio, exp(neg(div(distance, p.scale))));
  return sub(add(add(neg(log(ratio)), div(distance, q.scale)), tails), 1);
}

function gumbels(p: Gumbel, q: Gumbel): Tensor {
  const ratio = div(p.scale, q.scale);
  const distance = div(sub(p.loc, q.loc), q.scale);
  const overlap = exp(sub(lgamma(add(ratio, 1)), distance));
  const linear = add(sub(distance, log(ratio)), mul(ratio, euler));
  return sub(add(linear, overlap), 1 + euler);
}

function paretos(p: Pareto, q: Pareto): Tensor {
  const ratio = div(q.alpha, p.alpha);
  const value = sub(add(sub(mul(q.alpha, log(div(p.scale, q.scale))), log(ratio)), ratio), 1);
  return where(lt(p.scale, q.scale), Infinity, value);
}

function uniforms(p: Uniform, q: Uniform): Tensor {
  const isInside = logicalAnd(le(q.low, p.low), ge(q.high, p.high));
  const value = log(div(sub(q.high, q.low), sub(p.high, p.low)));
  return where(isInside, value, Infinity);
}

function multivariateNormals(p: MultivariateNormal, q: MultivariateNormal): Tensor {
  const determinants = sub(halfLogDeterminant(q.scaleTril), halfLogDeterminant(p.scaleTril));
  const mixed = solveTriangular(q.scaleTril, p.scaleTril, { upper: false });
  const trace = sum(square(mixed), [-2, -1]);
  const distance = mahalanobis(q.scaleTril, sub(p.loc, q.loc));
  return add(determinants, mul(sub(add(trace, distance), p.eventShape[0]!), 0.5));
}

function independents(p: Independent, q: Independent): Tensor {
  const count = p.reinterpretedBatchNdims;
  if (count !== q.reinterpretedBatchNdims) {
    throw new FlambeauError(
      `klDivergence: Independent distributions reinterpret ${count} and ` +
        `${q.reinterpretedBatchNdims} batch axes; both must reinterpret equally many.`,
    );
  }
  const each = klDivergence(p.base, q.base);
  return count === 0 ? each : sum(each, lastAxes(count));
}

const cauchys = (p: Cauchy, q: Cauchy): Tensor =>
  sub(
    log(add(square(add(p.scale, q.scale)), square(sub(p.loc, q.loc)))),
    log(mul(mul(p.scale, q.scale), 4)),
  );

function exponentials(p: Exponential, q: Exponential): Tensor {
  const ratio = div(q.rate, p.rate);
  return sub(sub(ratio, log(ratio)), 1);
}

const geometrics = (p: Geometric, q: Geometric): Tensor =>
  sub(sub(neg(p.entropy()), div(log1p(neg(q.probs)), p.probs)), q.logits);

const poissons = (p: Poisson, q: Poisson): Tensor =>
  sub(mul(p.rate, sub(log(p.rate), log(q.rate))), sub(p.rate, q.rate));

const rules: Rule[] = [
  rule(Normal, Normal, gaussians),
  rule(LogNormal, LogNormal, gaussians),
  rule(HalfNormal, HalfNormal, (p, q) =>
    gaussians({ loc: 0, scale: p.scale }, { loc: 0, scale: q.scale }),
  ),
  rule(Bernoulli, Bernoulli, bernoullis),
  rule(Binomial, Binomial, binomials),
  rule(Categorical, Categorical, weights),
  rule(OneHotCategorical, OneHotCategorical, weights),
  rule(Gamma, Gamma, gammas),
  rule(Beta, Beta, betas),
  rule(Dirichlet, Dirichlet, dirichlets),
  rule(Laplace, Laplace, laplaces),
  rule(Cauchy, Cauchy, cauchys),
  rule(Gumbel, Gumbel, gumbels),
  rule(Exponential, Exponential, exponentials),
  rule(Geometric, Geometric, geometrics),
  rule(Poisson, Poisson, poissons),
  rule(Uniform, Uniform, uniforms),
  rule(Pareto, Pareto, paretos),
  rule(MultivariateNormal, MultivariateNormal, multivariateNormals),
  rule(Independent, Independent, independents),
];

/** Adds a pair of classes; the pair added last is asked first. */
export function registerKl<P extends Distribution, Q extends Distribution>(
  p: Class<P>,
  q: Class<Q>,
  divergence: (p: P, q: Q) => Tensor,
): void {
  rules.unshift(rule(p, q, divergence));
}

/** The expected `log p(x) - log q(x)` for x of p, in nats, for each distribution of the batch. */
export function klDivergence(p: Distribution, q: Distribution): Tensor {
  const found = rules.find((one) => p instanceof one.p && q instanceof one.q);
  if (found === undefined) {
    throw new FlambeauError(
      `klDivergence: no closed form is known for ${p.name} and ${q.name}. Estimate it from samples: ` +
        `x = p.sample([1000]); p.logProb(x).sub(q.logProb(x)).mean(0). registerKl adds pairs.`,
    );
  }
  const body = () => found.divergence(p as never, q as never);
  return modes.recorder === undefined ? scope(body) : body();
}
