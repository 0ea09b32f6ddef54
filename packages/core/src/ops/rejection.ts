// Random tensors whose algorithms draw until a draw is accepted: gamma, Poisson, binomial. They run on
// the host in float64, from the counter-based words of random.ts, so that every CPU backend gives the
// same values.
import { apply } from "../apply.ts";
import type { RoutineKernel } from "../compiler/kernel.ts";
import { type DType, isFloat } from "../dtype.ts";
import { DTypeError } from "../errors.ts";
import type { Operation } from "../operation.ts";
import { threefry } from "../random.ts";
import { broadcastShapes } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import { mul } from "./arithmetic.ts";
import { cast } from "./cast.ts";
import { composite, primitive } from "./define.ts";
import { type GeneratorOption, drawn } from "./draws.ts";
import { hostOperation } from "./host-function.ts";
import { gammaSampleSlope, logGamma } from "./incomplete-gamma.ts";
import { drawFrom } from "./random.ts";
import { expand } from "./view.ts";

/** Gives uniform numbers in [0, 1), one after the other. */
type Uniforms = () => number;

/** The streams of words that these ops use: random.ts has streams 0 and 2^30. */
const firstStream = 2 ** 29;

/** An operation that draws one value per element from the generator's state and parameters. */
const sampler = (
  name: string,
  draw: (next: Uniforms, first: number, second: number) => number,
  gradient?: Pick<Operation, "gradient" | "saves">,
): Operation =>
  primitive({
    name,
    traits: { isRandom: true },
    infer: ([, x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    lower: (inputs, _attributes, outputs): RoutineKernel => ({
      kind: "routine",
      name,
      inputs,
      outputs,
      run([state, x, y], [result]) {
        const [k0, k1, call] = [Number(state![0]), Number(state![1]), Number(state![2])];
        let [element, stream] = [0, firstStream];
        const next: Uniforms = () => {
          const [high, low] = threefry(k0, k1 ^ stream++, element, call);
          return (high >>> 6) * 2 ** -26 + (low >>> 5) * 2 ** -53;
        };
        for (; element < result!.length; element++) {
          stream = firstStream;
          result![element] = draw(next, Number(x![element]), Number(y?.[element])) as never;
        }
      },
    }),
    ...gradient,
  });

function normalFrom(next: Uniforms): number {
  const radius = Math.sqrt(-2 * Math.log(1 - next()));
  return radius * Math.cos(2 * Math.PI * next());
}

/** Marsaglia and Tsang, "A simple method for generating gamma variables", 2000. */
function gammaFrom(next: Uniforms, a: number): number {
  if (!(a > 0)) return a === 0 ? 0 : NaN;
  if (a === Infinity) return Infinity;
  if (a < 1) return gammaFrom(next, a + 1) * (1 - next()) ** (1 / a);
  const d = a - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normalFrom(next);
    const v = (1 + c * x) ** 3;
    if (v <= 0) continue;
    const u = 1 - next();
    if (Math.log(u) < 0.5 * x * x + d * (1 - v + Math.log(v))) return d * v;
  }
}

/** By multiplying below 10; above, Hörmann's "transformed rejection method" (PTRS), 1993. */
function poissonFrom(next: Uniforms, rate: number): number {
  if (!(rate >= 0)) return NaN;
  if (rate < 10) {
    const limit = Math.exp(-rate);
    let [count, product] = [0, 1 - next()];
    for (; product > limit; count++) product *= 1 - next();
    return count;
  }
  const [root, logRate] = [Math.sqrt(rate), Math.log(rate)];
  const b = 0.931 + 2.53 * root;
  const a = -0.059 + 0.02483 * b;
  const inverse = 1.1239 + 1.1328 / (b - 3.4);
  const quick = 0.9277 - 3.6224 / (b - 2);
  for (;;) {
    const u = next() - 0.5;
    const v = 1 - next();
    const room = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / room + b) * u + rate + 0.43);
    if (room >= 0.07 && v <= quick) return k;
    if (k < 0 || (room < 0.013 && v > room)) continue;
    const density = -rate + k * logRate - logGamma(k + 1);
    if (Math.log(v) + Math.log(inverse) - Math.log(a / (room * room) + b) <= density) return k;
  }
}

/** The successes of n trials: gaps between them one by one, or Hörmann's BTRS, 1993, for many. */
function binomialFrom(next: Uniforms, n: number, p: number): number {
  if (!(n >= 0) || !(p >= 0 && p <= 1)) return NaN;
  if (p > 0.5) return n - binomialFrom(next, n, 1 - p);
  if (p === 0 || n === 0) return 0;
  if (n * p < 10) {
    const scale = Math.log1p(-p);
    let [count, trials] = [0, 0];
    for (;;) {
      trials += Math.ceil(Math.log(1 - next()) / scale) || 1;
      if (trials > n) return count;
      count++;
    }
  }
  const deviation = Math.sqrt(n * p * (1 - p));
  const b = 1.15 + 2.53 * deviation;
  const a = -0.0873 + 0.0248 * b + 0.01 * p;
  const centre = n * p + 0.5;
  const quick = 0.92 - 4.2 / b;
  const alpha = (2.83 + 5.1 / b) * deviation;
  const odds = p / (1 - p);
  const mode = Math.floor((n + 1) * p);
  const logAtMode = logGamma(mode + 1) + logGamma(n - mode + 1);
  for (;;) {
    const u = next() - 0.5;
    const v = 1 - next();
    const room = 0.5 - Math.abs(u);
    const k = Math.floor(((2 * a) / room + b) * u + centre);
    if (room >= 0.07 && v <= quick) return k;
    if (k < 0 || k > n) continue;
    const height = Math.log((v * alpha) / (a / (room * room) + b));
    const logRatio =
      logAtMode - logGamma(k + 1) - logGamma(n - k + 1) + (k - mode) * Math.log(odds);
    if (height <= logRatio) return k;
  }
}

const slopeOperation = /* @__PURE__ */ hostOperation("gammaSampleSlope", gammaSampleSlope);

const gammaOperation: Operation = /* @__PURE__ */ sampler("standardGamma", gammaFrom, {
  saves: () => ({ inputs: [1], outputs: [0] }),
  // Implicit reparameterisation (Figurnov et al., 2018): the quantile stays as the shape moves.
  gradient: ({ grads, input, output }) => [
    undefined,
    mul(grads[0]!, apply(slopeOperation, [input(1), output(0)], {})[0]!),
  ],
});
const poissonOperation: Operation = /* @__PURE__ */ sampler("poisson", poissonFrom);
const binomialOperation: Operation = /* @__PURE__ */ sampler("binomial", binomialFrom);

function requireFloat(name: string, dtype: DType): void {
  if (isFloat(dtype)) return;
  throw new DTypeError(`${name}: expected a float dtype, got ${dtype}. Cast with to("float32").`);
}

function drawWith(
  operation: Operation,
  parameters: readonly Tensor[],
  { generator }: GeneratorOption,
): Tensor {
  const { device } = parameters[0]!;
  return drawFrom(operation.name, { device, ...(generator && { generator }) }, (state) =>
    apply(operation, [state, ...parameters], {})[0]!,
  );
} // prettier-ignore

/**
 * Values of the gamma distribution with the given shapes and rate 1. The gradient is the implicit one:
 * how a value moves with its shape at a fixed quantile.
 */
export const standardGamma = /* @__PURE__ */ composite(
  "standardGamma",
  (concentration: Tensor, options: GeneratorOption = {}): Tensor => {
    requireFloat("standardGamma", concentration.dtype);
    return drawWith(gammaOperation, [concentration], options);
  },
  { ...drawn, samples: [(make) => [make([2, 3], 0.5, 3)]] },
);

/** Counts of the Poisson distribution with the given rates, in their dtype. */
export const poisson = /* @__PURE__ */ composite(
  "poisson",
  (rate: Tensor, options: GeneratorOption = {}): Tensor => {
    requireFloat("poisson", rate.dtype);
    return drawWith(poissonOperation, [rate], options);
  },
  { ...drawn, samples: [(make) => [make([2, 3], 0, 9)]] },
);

/** How many of `count` trials succeed, each with probability `prob`; the operands broadcast. */
export const binomial = /* @__PURE__ */ composite(
  "binomial",
  (count: Tensor, prob: Tensor, options: GeneratorOption = {}): Tensor => {
    requireFloat("binomial", prob.dtype);
    const shape = broadcastShapes("binomial", count.shape, prob.shape);
    const both = [cast(count, prob.dtype), prob].map((x) => expand(x, shape));
    return drawWith(binomialOperation, both, options);
  },
  { ...drawn, samples: [(make) => [make([2, 3], 1, 9), make([3], 0, 1)]] },
);
