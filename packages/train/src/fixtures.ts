// A tiny model, optimizer and data for the tests of this package; written by hand, so that these tests
// depend on core only.
import { Parameter, type Tensor, linear, noGrad, scope, tensor } from "@flambeau/core";

/** A dense layer, callable, with modes and state. */
export function tinyModel(inputs = 2, outputs = 1) {
  const weight = new Parameter(
    tensor(
      Float32Array.from({ length: inputs * outputs }, (_, i) => 0.1 * (i + 1)),
      {
        shape: [outputs, inputs],
      },
    ),
  );
  const bias = new Parameter(tensor(new Float32Array(outputs)));
  const modes: boolean[] = [];
  let training = true;
  const model = Object.assign(
    (x: Tensor): Tensor => {
      modes.push(training);
      return linear(x, weight, bias);
    },
    {
      weight,
      bias,
      /** The mode at each call. */
      modes,
      train: (mode = true) => void (training = mode),
      stateDict: () => ({ weight: weight.detach(), bias: bias.detach() }),
      loadStateDict(state: Record<string, Tensor>) {
        weight.assign(state.weight!);
        bias.assign(state.bias!);
      },
    },
  );
  Object.defineProperty(model, "training", { get: () => training });
  return model as typeof model & { readonly training: boolean };
}

/** Plain gradient descent. */
export function descent(parameters: readonly Parameter[], lr = 0.1) {
  return {
    paramGroups: [{ lr }],
    zeroGrad(): void {
      for (const parameter of parameters) parameter.grad = undefined;
    },
    step(): void {
      const { lr: rate } = this.paramGroups[0]!;
      noGrad(() =>
        scope(() => {
          for (const parameter of parameters) {
            parameter.assign(parameter.sub(parameter.heldGradient!.mul(rate)));
          }
        }),
      );
    },
  };
}

export const squaredError = (output: Tensor, target: Tensor): Tensor =>
  output.sub(target).square().mean();

/** Batches of y = 2a - b + 1. */
export function lineBatches(batches = 4, size = 8): [Tensor, Tensor][] {
  return Array.from({ length: batches }, (_, at) => {
    const rows = Array.from({ length: size }, (_, i) => [Math.sin(at + i), Math.cos(3 * at + i)]);
    return [tensor(rows), tensor(rows.map(([a, b]) => [2 * a! - b! + 1]))];
  });
}
