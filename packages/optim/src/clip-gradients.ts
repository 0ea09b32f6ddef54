// Limits on gradients between backward and step.
import { FlambeauError, type Tensor, type Variable, noGrad, scope, zeros } from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";

export interface ClipNormOptions {
  /** Which norm: 2 by default, `Infinity` for the largest magnitude. */
  readonly normType?: number;
}

/** `grad · min(1, limit / (norm + 1e-6))`. */
const scaled = elementwise<(grad: Tensor, norm: Tensor, limit: number) => Tensor>(
  "clipGradNorm",
  (grad, norm, limit) =>
    s.mul(grad!, s.min(s.div(limit!, s.add(s.cast(norm!, grad!.dtype), 1e-6)), 1)),
);

/** Parameters with their gradients, those that have one. */
const withGradients = (given: Variable | Iterable<Variable>): [Variable, Tensor][] =>
  (Symbol.iterator in given ? [...given] : [given]).flatMap((one): [Variable, Tensor][] =>
    one.heldGradient === undefined ? [] : [[one, one.heldGradient]],
  );

/** Σ |grad|ᵖ, or max |grad|, as a 0-d tensor. */
function power(grad: Tensor, normType: number): Tensor {
  if (normType === Infinity) return grad.abs().amax();
  return (normType === 2 ? grad.square() : grad.abs().pow(normType)).sum();
}

/**
 * Scales all gradients so that their common norm is at most `maxNorm`; returns the norm before, a 0-d
 * tensor. Pascanu et al., 2013. `torch.nn.utils.clip_grad_norm_`.
 */
export function clipGradNorm(
  parameters: Variable | Iterable<Variable>,
  maxNorm: number,
  options: ClipNormOptions = {},
): Tensor {
  const { normType = 2 } = options;
  if (!(normType > 0)) {
    throw new FlambeauError(`clipGradNorm: expected a norm above 0, got ${normType}.`);
  }
  const clipped = withGradients(parameters);
  if (clipped.length === 0) return zeros([]);
  return noGrad(() =>
    scope(() => {
      const powers = clipped.map(([, grad]) => power(grad, normType));
      const total = powers.reduce((sum, one) =>
        normType === Infinity ? sum.maximum(one) : sum.add(one),
      );
      const norm =
        normType === Infinity ? total : normType === 2 ? total.sqrt() : total.pow(1 / normType);
      for (const [one, grad] of clipped) one.grad = scaled(grad, norm, maxNorm);
      return norm;
    }),
  );
}

/** Limits every element of every gradient to ±`limit`. `torch.nn.utils.clip_grad_value_`. */
export function clipGradValue(parameters: Variable | Iterable<Variable>, limit: number): void {
  noGrad(() =>
    scope(() => {
      for (const [one, grad] of withGradients(parameters)) {
        one.grad = grad.minimum(limit).maximum(-limit);
      }
    }),
  );
}
