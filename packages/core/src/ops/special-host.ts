// Special functions of two operands that need a loop per element: incomplete gamma, zeta, divisors.
// They run in float64 (or bigints) on the host, on every CPU backend alike.
import { exp, log } from "./math.ts";
import { apply } from "../apply.ts";
import { add, ge, mul, neg, sub, where } from "./arithmetic.ts";
import { hostFunction, hostOperation } from "./host-function.ts";
import { hurwitzZeta, lowerGamma, upperGamma } from "./incomplete-gamma.ts";
import { lgamma } from "./special.ts";
import type { DType } from "../dtype.ts";
import type { Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { zerosLike } from "./creation.ts";

const floats: readonly DType[] = ["float32", "float64"];

/** `xᵃ⁻¹·e⁻ˣ / Γ(a)`: the slope of P(a, x) in x; 0 where x is 0 and a > 1. */
function gammaDensity(a: Tensor, x: Tensor): Tensor {
  const value = exp(sub(sub(mul(sub(a, 1), log(x)), x), lgamma(a)));
  return where(ge(x, 0), value, zerosLike(value));
}

const incomplete = (name: string, compute: (a: number, x: number) => number, sign: 1 | -1) =>
  hostOperation(name, compute, {
    saves: () => ({ inputs: [0, 1] }),
    // By x alone, as in PyTorch.
    gradient: ({ grads, input, needs }) => [
      undefined,
      needs[1] ? mul(mul(grads[0]!, sign), gammaDensity(input(0), input(1))) : undefined,
    ],
  });

const ofX = {
  samples: [
    (make) => [make.integers([2, 3], 1, 5), make([2, 3], 0.5, 4)],
    (make) => [3, make([3], 0.5, 8)],
  ],
  dtypes: floats,
} satisfies Parameters<typeof hostFunction>[2];

/** The regularised lower incomplete gamma function `P(a, x)`; its gradient is by x alone. */
export const gammainc = /* @__PURE__ */ hostFunction(
  /* @__PURE__ */ incomplete("gammainc", lowerGamma, 1),
  "float",
  ofX,
);

/** The regularised upper incomplete gamma function `Q(a, x) = 1 - P(a, x)`; its gradient is by x alone. */
export const gammaincc = /* @__PURE__ */ hostFunction(
  /* @__PURE__ */ incomplete("gammaincc", upperGamma, -1),
  "float",
  ofX,
);

const zetaOperation: Operation = /* @__PURE__ */ hostOperation("zeta", hurwitzZeta, {
  saves: () => ({ inputs: [0, 1] }),
  // By q alone, as in PyTorch.
  gradient: ({ grads, input, needs }) => {
    if (!needs[1]) return [undefined, undefined];
    const [x, q] = [input(0), input(1)];
    const next = apply(zetaOperation, [add(x, 1), q], {})[0]!;
    return [undefined, mul(grads[0]!, mul(next, neg(x)))];
  },
});

/** Hurwitz's zeta function `Σ (q + k)^-x`; its gradient is by q alone. */
export const zeta = /* @__PURE__ */ hostFunction(zetaOperation, "float", {
  samples: [(make) => [make.integers([2, 3], 2, 6), make([2, 3], 0.5, 4)]],
  dtypes: floats,
});

type Whole = number | bigint;

/** Euclid's algorithm on magnitudes. */
function divisorOf(x: Whole, y: Whole): Whole {
  let [a, b] = [BigInt(x), BigInt(y)];
  while (b !== 0n) [a, b] = [b, a % b];
  const size = a < 0n ? -a : a;
  return typeof x === "bigint" ? size : Number(size);
}

const multipleOf = (x: Whole, y: Whole): Whole => {
  const divisor = BigInt(divisorOf(x, y));
  const product = divisor === 0n ? 0n : (BigInt(x) / divisor) * BigInt(y);
  const size = product < 0n ? -product : product;
  return typeof x === "bigint" ? size : Number(size);
};

const wholes = {
  samples: [
    (make) => [make([2, 3], -20, 20), make([3], -20, 20)],
    (make) => [make([2, 3], -20, 20), 12],
  ],
  dtypes: ["uint8", "int32", "int64"],
} satisfies Parameters<typeof hostFunction>[2];

/** The greatest common divisor, never negative; of 0 and x it is |x|. */
export const gcd = /* @__PURE__ */ hostFunction(
  /* @__PURE__ */ hostOperation("gcd", divisorOf),
  "whole",
  wholes,
);

/** The least common multiple, never negative; of 0 and x it is 0. */
export const lcm = /* @__PURE__ */ hostFunction(
  /* @__PURE__ */ hostOperation("lcm", multipleOf),
  "whole",
  wholes,
);
