// Function transforms: gradients and derivatives of functions of tensors. They nest, and mix with
// vmap. `torch.func`.
import { grad as gradients } from "../autograd/backward.ts";
import { LeafNode } from "../autograd/tape.ts";
import { AutogradError, showShape } from "../errors.ts";
import { mapTensors, tensorsIn } from "../graph/tree.ts";
import { enableGrad } from "../modes.ts";
import { mul } from "../ops/arithmetic.ts";
import { eye, onesLike, zerosLike } from "../ops/creation.ts";
import { sum } from "../ops/reduction.ts";
import { reshape } from "../ops/view.ts";
import type { Tensor } from "../tensor.ts";
import { vmap } from "./vmap.ts";

type TensorFunction = (...inputs: never[]) => unknown;

/** A tensor of equal value from which gradients can be asked, still connected to what came before. */
function tracked(x: Tensor): Tensor {
  if (x.node === undefined) {
    const leaf = x.alias();
    leaf.node = new LeafNode(leaf);
    return leaf;
  }
  // An op of its own, so that the walk can stop here.
  return mul(x, onesLike(x.detach()));
}

function requireScalar(name: string, y: unknown): Tensor {
  const [result, ...others] = tensorsIn(y);
  if (result === undefined || others.length > 0 || result.size !== 1) {
    throw new AutogradError(
      `${name}: expected the function to return one scalar tensor` +
        (result === undefined ? "." : `, got shape ${showShape(result.shape)}. Use jacrev or vjp.`),
    );
  }
  return result;
}

export interface ArgumentOptions {
  /** Which argument to differentiate. Default 0. */
  readonly argument?: number;
}

/** The function that gives value and gradient of a scalar function, `[value, gradient]`. */
export const valueAndGrad =
  <F extends TensorFunction>(body: F, { argument = 0 }: ArgumentOptions = {}) =>
  (...inputs: Parameters<F>): [Tensor, Parameters<F>[0]] =>
    enableGrad(() => {
      const target = mapTensors(inputs[argument], tracked);
      const values = (inputs as unknown[]).with(argument, target);
      const value = requireScalar("grad", body(...(values as never[])));
      const variables = tensorsIn(target);
      const found = gradients(value, variables, { createGraph: true, allowUnused: true });
      let position = 0;
      const result = mapTensors(target, (x) => {
        const gradient = found[position++];
        return gradient ?? zerosLike(x);
      });
      return [value, result as Parameters<F>[0]];
    });

/** The gradient function of a scalar function, with the structure of its argument. */
export const grad =
  <F extends TensorFunction>(body: F, options?: ArgumentOptions) =>
  (...inputs: Parameters<F>): Parameters<F>[0] =>
    valueAndGrad(body, options)(...inputs)[1];

/** Value at `x`, and the function from output gradients to input gradients. */
export function vjp(
  body: (x: Tensor) => Tensor,
  x: Tensor,
): { value: Tensor; pull: (gradient: Tensor) => Tensor } {
  return enableGrad(() => {
    const target = tracked(x);
    const value = body(target);
    const pull = (gradient: Tensor): Tensor => {
      const [result] = gradients(value, [target], {
        gradOutputs: gradient,
        createGraph: true,
        allowUnused: true,
      });
      return result ?? zerosLike(x);
    };
    return { value, pull };
  });
}

/**
 * Value at `x` and the derivative along `tangent`. The pull-back is linear in its argument, so its own
 * pull-back is the push-forward.
 */
export function jvp(
  body: (x: Tensor) => Tensor,
  x: Tensor,
  tangent: Tensor,
): { value: Tensor; tangent: Tensor } {
  return enableGrad(() => {
    const { value, pull } = vjp(body, x);
    if (value.node === undefined) return { value, tangent: zerosLike(value) };
    const probe = tracked(zerosLike(value.detach()));
    const pulled = pull(probe);
    const [pushed] =
      pulled.node === undefined
        ? [undefined]
        : gradients(pulled, [probe], {
            gradOutputs: tangent,
            createGraph: true,
            allowUnused: true,
          });
    return { value, tangent: pushed ?? zerosLike(value) };
  });
}

/** Rows of the identity of the size of `x`, each in its shape: `[size, ...shape]`. */
const basis = (x: Tensor): Tensor =>
  reshape(eye(x.size, x.size, { dtype: x.dtype, device: x.device }), [x.size, ...x.shape]);

/** The Jacobian by reverse mode: `[...output shape, ...input shape]`. */
export const jacrev =
  (body: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const { value, pull } = vjp(body, x);
    return reshape(vmap(pull)(basis(value)), [...value.shape, ...x.shape]);
  };

/** The Jacobian by forward mode: `[...output shape, ...input shape]`. */
export const jacfwd =
  (body: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor => {
    const columns = vmap((tangent: Tensor) => jvp(body, x, tangent).tangent, { outAxes: -1 })(
      basis(x),
    );
    return reshape(columns, [...columns.shape.slice(0, -1), ...x.shape]);
  };

/** Second derivatives of a scalar function: `[...shape, ...shape]`. */
export const hessian = (body: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) =>
  jacrev(grad(body) as (x: Tensor) => Tensor);

/** Hessian times vector, without the Hessian. */
export function hvp(body: (x: Tensor) => Tensor, x: Tensor, v: Tensor): Tensor {
  const gradient = grad(body) as (x: Tensor) => Tensor;
  return (grad((y: Tensor) => sum(mul(gradient(y), v.detach()))) as (x: Tensor) => Tensor)(x);
}
