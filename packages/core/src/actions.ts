// What tensors can do besides ops: leave the tape, move, convert, start a backward walk.
import { type BackwardOptions, backward } from "./autograd/backward.ts";
import { describe } from "./apply.ts";
import { OperationNode, type GradientHook, planCall } from "./autograd/tape.ts";
import { type DType, isDType } from "./dtype.ts";
import { AutogradError, TraceError } from "./errors.ts";
import { modes } from "./modes.ts";
import type { Operation } from "./operation.ts";
import { add } from "./ops/arithmetic.ts";
import { cast } from "./ops/cast.ts";
import { fromTypedArray } from "./ops/creation.ts";
import { primitive } from "./ops/define.ts";
import { noAttributes } from "./prepared.ts";
import { Device, device as findDevice } from "./runtime/device.ts";
import { register } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** The same elements without history: no gradient flows through. */
export function detach(x: Tensor): Tensor {
  const [current] = modes.recorder?.resolve([x]) ?? [x];
  const result = (current as Tensor).withoutHistory();
  const { batched } = result;
  if (batched !== undefined) result.batched = { ...batched, value: detach(batched.value) };
  register(result);
  return result;
}

/** The gradient of a move is moved back. */
const moveOperation = (from: Device): Operation =>
  primitive({
    name: "to",
    infer: ([x]) => [x!],
    lower: () => {
      throw new TraceError("to: moving between devices cannot be replayed.");
    },
    gradient: ({ grads }) => [to(grads[0]!, from)],
  });

/**
 * The tensor as another dtype or on another device; itself where nothing changes. Gradients flow
 * back. Between devices the values pass through the host.
 */
export function to(x: Tensor, target: DType | Device | string): Tensor {
  if (isDType(target)) return cast(x, target);
  const device = target instanceof Device ? target : findDevice(target);
  if (device === x.device) return x;
  if (modes.recorder !== undefined) {
    throw new TraceError("to: a traced program runs on one device. Move its arguments before.");
  }
  const result = fromTypedArray(x.dataSync(), x.shape, x.dtype, device);
  if (modes.gradient && x.node !== undefined) {
    const operation = moveOperation(x.device);
    const plan = planCall(operation, noAttributes, [true], [describe(x)], [describe(result)]);
    new OperationNode(operation, noAttributes, [x], plan).record([x], [result]);
  }
  return result;
}

export interface HookHandle {
  remove(): void;
}

/**
 * Calls `hook` with the gradient of `x` when a backward walk reaches it; what it returns, if
 * anything, replaces the gradient. `torch.Tensor.register_hook`.
 */
export function registerHook(x: Tensor, hook: GradientHook): HookHandle {
  const { node, outputIndex } = x;
  if (node === undefined) {
    throw new AutogradError("registerHook: this tensor does not require gradients.");
  }
  node.hooks ??= new Map();
  const hooks = node.hooks.get(outputIndex) ?? [];
  node.hooks.set(outputIndex, hooks);
  hooks.push(hook);
  return {
    remove() {
      const position = hooks.indexOf(hook);
      if (position >= 0) hooks.splice(position, 1);
    },
  };
}

/** Keeps the gradient of a tensor that is not a leaf in its `.grad`. `torch.Tensor.retain_grad`. */
export function retainGrad(x: Tensor): void {
  if (x.isLeaf) return;
  registerHook(x, (grad) => {
    const known = x.heldGradient;
    x.grad = known === undefined ? grad : add(known, grad);
    return undefined;
  });
}

/** The methods that these functions become. */
export interface TensorActions {
  detach(): Tensor;
  to(target: DType | Device | string): Tensor;
  registerHook(hook: GradientHook): HookHandle;
  retainGrad(): void;
  /** Accumulates gradients into the leaves that this tensor depends on. */
  backward(options?: BackwardOptions): void;
}

export const actions: {
  readonly [K in keyof TensorActions]: (x: Tensor, ...rest: never[]) => unknown;
} = {
  detach,
  to,
  registerHook,
  retainGrad,
  backward,
};
