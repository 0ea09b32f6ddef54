// What all formulas do to a gradient first: turn it around to maximise, add L2 weight decay.
import { type Tensor, type TensorLike, type Variable, guarded, hostValue } from "@flambeau/core";
import { elementwise, s } from "@flambeau/core/extension";

export type Ternary = (x: TensorLike, y: TensorLike, z: TensorLike) => Tensor;

/** `sign · grad + decay · parameter`. */
const regularized = elementwise<
  (grad: Tensor, parameter: Tensor, sign: TensorLike, decay: TensorLike) => Tensor
>("regularizedGradient", (grad, parameter, sign, decay) =>
  s.add(s.mul(sign!, grad!), s.mul(decay!, parameter!)),
);

/** The gradient that the formula sees. `weightDecay` is added to it only where `isCoupled`. */
export function gradientOf(
  parameter: Variable,
  group: { readonly weightDecay?: number; readonly maximize?: boolean },
  isCoupled = true,
): Tensor {
  const grad = parameter.heldGradient!;
  const isAscent = guarded(() => group.maximize === true);
  const isDecayed = isCoupled && guarded(() => (group.weightDecay ?? 0) !== 0);
  if (isDecayed) {
    return regularized(
      grad,
      parameter,
      isAscent ? -1 : 1,
      hostValue(() => group.weightDecay!),
    );
  }
  return isAscent ? grad.neg() : grad;
}
