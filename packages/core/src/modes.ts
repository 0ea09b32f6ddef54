// The dynamic modes that apply reads: whether gradients are recorded, and which tracer listens.
import { FlambeauError } from "./errors.ts";
import type { SavedTensorsHooks } from "./autograd/saved.ts";
import type { GradientNode } from "./autograd/tape.ts";
import type { Attributes, Operation, TensorLike } from "./operation.ts";
import { requireSynchronous } from "./scope.ts";
import { guarded, state } from "./state.ts";
import type { Tensor } from "./tensor.ts";

/** What apply needs of a tracer; graph/record.ts implements it. */
export interface Recorder {
  /** Variables replaced by what stands for their current values. */
  resolve(inputs: readonly TensorLike[]): readonly TensorLike[];
  record(operation: Operation, inputs: readonly TensorLike[], attributes: Attributes): Tensor[];
}

/** What debugging modes look at; debug/anomaly.ts implements it. */
export interface Inspector {
  result?(name: string, results: readonly Tensor[]): void;
  gradient?(node: GradientNode, operand: number, grad: Tensor): void;
}

/** Calls on operands that stand for batches; func/vmap.ts implements it. */
export interface BatchCalls {
  operation(operation: Operation, inputs: readonly TensorLike[], attributes: Attributes): Tensor[];
  /** Any function of tensors: once per element, or by a rule for the whole batch. */
  function(
    call: (...inputs: unknown[]) => unknown,
    inputs: readonly unknown[],
    rule?: (operands: readonly { value: unknown; isBatched: boolean }[]) => unknown,
  ): Tensor[];
}

/** How exact matrix products of float32 are. */
export type MatmulPrecision = "highest" | "bfloat16";

export const modes: {
  gradient: boolean;
  /** Backends read it when they compile a contraction; prepared calls are kept apart by it. */
  matmulPrecision: MatmulPrecision;
  recorder: Recorder | undefined;
  /** Set while a `vmap` runs. */
  batch: BatchCalls | undefined;
  /** Set inside `savedTensorsHooks`. */
  saved: SavedTensorsHooks<unknown> | undefined;
  /** Set in debugging modes: sees every result, and every gradient that a walk makes. */
  inspector: Inspector | undefined;
} = {
  gradient: true,
  matmulPrecision: "highest",
  recorder: undefined,
  batch: undefined,
  saved: undefined,
  inspector: undefined,
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

/**
 * Sets, where an argument is given, how exact matrix products and convolutions of float32 are; returns
 * what holds from then on. "highest", the default, multiplies float32 numbers as they are. "bfloat16"
 * lets backends whose hardware has it round the factors to bfloat16 (8 bits of precision); products are
 * then still added up in float32. `torch.set_float32_matmul_precision`.
 */
export function matmulPrecision(precision?: MatmulPrecision): MatmulPrecision {
  if (precision !== undefined) {
    if (precision !== "highest" && precision !== "bfloat16") {
      throw new FlambeauError(
        `matmulPrecision: expected "highest" or "bfloat16", got ${JSON.stringify(precision)}.`,
      );
    }
    modes.matmulPrecision = precision;
  }
  return modes.matmulPrecision;
}

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
