// The dynamic modes that apply reads: whether gradients are recorded, and which tracer listens.
import type { Attributes, Operation, TensorLike } from "./operation.ts";
import { requireSynchronous } from "./scope.ts";
import { guarded, state } from "./state.ts";
import type { Tensor } from "./tensor.ts";

/** What apply needs of a tracer; graph/trace.ts implements it. */
export interface Recorder {
  /** Variables replaced by what stands for their current values. */
  resolve(inputs: readonly TensorLike[]): readonly TensorLike[];
  record(operation: Operation, inputs: readonly TensorLike[], attributes: Attributes): Tensor[];
}

export const modes: { gradient: boolean; recorder: Recorder | undefined } = {
  gradient: true,
  recorder: undefined,
};

function withGradient<T>(name: string, enabled: boolean, body: () => T): T {
  const before = modes.gradient;
  modes.gradient = enabled;
  try {
    return requireSynchronous(name, body());
  } finally {
    modes.gradient = before;
  }
}

/** Runs `body` without recording gradients. `torch.no_grad`. */
export const noGrad = <T>(body: () => T): T => withGradient("noGrad", false, body);

/** Records gradients inside a `noGrad`. `torch.enable_grad`. */
export const enableGrad = <T>(body: () => T): T => withGradient("enableGrad", true, body);

/** Whether op calls are recorded for backward now. */
export const isGradEnabled = (): boolean => guarded(() => modes.gradient);

/** Runs `body` for real inside a trace: for state that must exist before the program runs. */
export function eagerly<T>(body: () => T): T {
  const { recorder } = modes;
  const { listener } = state;
  modes.recorder = undefined;
  state.listener = undefined;
  try {
    return requireSynchronous("eagerly", body());
  } finally {
    modes.recorder = recorder;
    state.listener = listener;
  }
}
