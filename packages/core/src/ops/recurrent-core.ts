// One recurrent layer in one direction as one function: per step a matrix product and one kernel of
// gates, forwards and backwards; weights get their gradients from one product over all steps. Public
// functions are in recurrent.ts.
import { customFunction } from "../autograd/function.ts";
import { type Scalar, constant, s } from "../scalar/instruction.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./arithmetic.ts";
import { contiguous } from "./cast.ts";
import { zerosLike } from "./creation.ts";
import { type Gates, gates } from "./gates.ts";
import { concat, stack } from "./join.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduction.ts";
import { unbind } from "./split.ts";
import { reshape, slice, transpose, unsqueeze } from "./view.ts";

/** The logistic function; the limit keeps its derivatives from `∞ / ∞`. */
const logistic = (x: Scalar): Scalar => {
  const limit = constant(x.dtype === "float64" ? 350 : 80, x.dtype);
  return s.div(1, s.add(1, s.exp(s.min(s.neg(x), limit))));
};

/** Input and recurrent parts → hidden. */
const tanhGates = /* @__PURE__ */ gates("rnnTanh", [1, 1], ([x], [r]) => [[s.tanh(s.add(x!, r!))]]);

/** Input and recurrent parts → hidden; the slope at 0 is 0. */
const reluGates = /* @__PURE__ */ gates("rnnRelu", [1, 1], ([x], [r]) => {
  const sum = s.add(x!, r!);
  return [[s.select(s.le(sum, 0), constant(0, sum.dtype), sum)]];
});

/** Input and recurrent parts of input, forget, cell and output gates, and cell → hidden and cell. */
export const lstmGates = /* @__PURE__ */ gates("lstm", [4, 4, 1], (x, r, [cell]) => {
  const [input, forget, candidate, output] = x.map((part, i) => s.add(part, r[i]!)) as [Scalar, Scalar, Scalar, Scalar];
  const kept = s.mul(logistic(forget), cell!);
  const next = s.add(kept, s.mul(logistic(input), s.tanh(candidate)));
  return [[s.mul(logistic(output), s.tanh(next))], [next]];
}); // prettier-ignore

/**
 * Input and recurrent parts of reset and update gates and candidate, the bias of the recurrent ones,
 * and hidden → hidden.
 */
export const gruGates = /* @__PURE__ */ gates("gru", [3, 3, 3, 1], (x, r, bias, [hidden]) => {
  const own = r.map((part, i) => s.add(part, bias[i]!));
  const reset = logistic(s.add(x[0]!, own[0]!));
  const update = logistic(s.add(x[1]!, own[1]!));
  const candidate = s.tanh(s.add(x[2]!, s.mul(reset, own[2]!)));
  return [[s.add(candidate, s.mul(update, s.sub(hidden!, candidate)))]];
});

export type CellKind = "tanh" | "relu" | "lstm" | "gru";

/** The gates of a kind of cell, and which extra operands follow the input and recurrent parts. */
export const cells: { readonly [K in CellKind]: Gates } = {
  tanh: tanhGates,
  relu: reluGates,
  lstm: lstmGates,
  gru: gruGates,
};

/** What a step knows besides its input and recurrent parts. */
interface Carried {
  readonly bias: Tensor | undefined;
  readonly hidden: Tensor;
  readonly cell: Tensor | undefined;
}

/** What follows the input and recurrent parts among the operands of a cell's gates. */
export const extraOperands = (kind: CellKind, { bias, hidden, cell }: Carried): Tensor[] =>
  kind === "lstm" ? [cell!] : kind === "gru" ? [bias!, hidden] : [];

/** What a step starts from: `states` of the steps before, and the initial one at the start. */
function before(states: Tensor, initial: Tensor, isReversed: boolean): Tensor {
  const first = unsqueeze(initial, 0);
  return isReversed
    ? concat([slice(states, 0, { start: 1 }), first], 0)
    : concat([first, slice(states, 0, { end: states.shape[0]! - 1 })], 0);
}

interface Saved {
  readonly kind: CellKind;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly hidden: Tensor;
  readonly cell: Tensor | undefined;
  readonly outputs: Tensor;
  readonly cells: Tensor | undefined;
  readonly isReversed: boolean;
}

/** Steps in the order in which they run. */
const stepsOf = (count: number, isReversed: boolean): number[] => {
  const steps = Array.from({ length: count }, (_, i) => i);
  return isReversed ? steps.toReversed() : steps;
};

function backward(saved: Saved, grads: readonly (Tensor | undefined)[]) {
  const { kind, x, weight, bias, hidden, cell, outputs, isReversed } = saved;
  const call = cells[kind];
  const hiddenBefore = before(outputs, hidden, isReversed); // [steps, batch, hidden]
  const [count, batch] = x.shape as [number, number];
  const rows = (y: Tensor) => reshape(y, [count * batch, y.shape[2]!]);
  const products = matmul(rows(hiddenBefore), transpose(weight, 0, 1));
  const recurrent = unbind(reshape(products, [count, batch, weight.shape[0]!]));
  const inputs = unbind(x);
  const hiddens = unbind(hiddenBefore);
  const cellsBefore = cell && unbind(before(saved.cells!, cell, isReversed));
  const [ofOutputs, ofCells] = grads.map((grad) => grad && unbind(grad));
  const ofRecurrent = new Array<Tensor>(count);
  const ofInput = new Array<Tensor>(count);
  let ofHidden: Tensor | undefined;
  let ofCell: Tensor | undefined;
  const joined = (a: Tensor | undefined, b: Tensor | undefined): Tensor | undefined =>
    a === undefined || b === undefined ? (a ?? b) : add(a, b);
  for (const t of stepsOf(count, !isReversed)) {
    const carried = { bias, hidden: hiddens[t]!, cell: cellsBefore?.[t] };
    const operands = [inputs[t]!, recurrent[t]!, ...extraOperands(kind, carried)];
    ofHidden = joined(ofOutputs?.[t], ofHidden) ?? zerosLike(hiddens[t]!);
    if (kind === "lstm") {
      const upstream = [ofHidden, joined(ofCells?.[t], ofCell)];
      [, ofRecurrent[t], ofCell] = lstmGates.pull(operands, upstream, [false, true, true]) as [undefined, Tensor, Tensor];
      ofHidden = matmul(ofRecurrent[t], weight);
    } else if (kind === "gru") {
      const pulled = gruGates.pull(operands, [ofHidden], [true, true, false, true]);
      [ofInput[t], ofRecurrent[t]] = pulled as [Tensor, Tensor];
      ofHidden = add(pulled[3]!, matmul(ofRecurrent[t]!, weight));
    } else {
      ofRecurrent[t] = call.pull(operands, [ofHidden], [false, true])[1]!;
      ofHidden = matmul(ofRecurrent[t], weight);
    }
  }
  const all = stack(ofRecurrent); // [steps, batch, gates · hidden]
  return {
    // What is added to the recurrent part has the same gradient.
    input: kind === "gru" ? stack(ofInput) : all,
    weight: () => matmul(transpose(rows(all), 0, 1), rows(hiddenBefore)),
    bias: () => sum(all, [0, 1]),
    hidden: ofHidden,
    cell: ofCell,
  };
} // prettier-ignore

/**
 * A layer over all steps. `x` `[steps, batch, gates · hidden]` is the inputs' part of the gates, `weight`
 * `[gates · hidden, hidden]`, `bias` `[3 · hidden]` (gru only). Gives the hidden states of all steps,
 * and the cells of an lstm.
 */
export const recurrentLayer = /* @__PURE__ */ customFunction({
  name: "recurrentLayer",
  forward: (
    kind: CellKind,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | undefined,
    hidden: Tensor,
    cell: Tensor | undefined,
    isReversed: boolean,
  ) => {
    const inputs = unbind(x);
    // Many products with one factor: laid out once as products read it.
    const transposed = contiguous(transpose(weight, 0, 1));
    const hiddens = new Array<Tensor>(inputs.length);
    const cellList = new Array<Tensor>(inputs.length);
    let state = { bias, hidden, cell };
    for (const t of stepsOf(inputs.length, isReversed)) {
      const recurrent = matmul(state.hidden, transposed);
      const [next, nextCell] = cells[kind](inputs[t]!, recurrent, ...extraOperands(kind, state));
      state = { bias, hidden: next!, cell: nextCell };
      hiddens[t] = next!;
      if (nextCell !== undefined) cellList[t] = nextCell;
    }
    const outputs = stack(hiddens);
    const allCells = kind === "lstm" ? stack(cellList) : undefined;
    const result: readonly Tensor[] = allCells === undefined ? [outputs] : [outputs, allCells];
    const saved: Saved = { kind, x, weight, bias, hidden, cell, outputs, cells: allCells, isReversed };
    return { result, saved };
  },
  backward: (saved, grads, needs) => {
    const found = backward(saved, grads);
    return [
      undefined,
      needs[1] ? found.input : undefined,
      needs[2] ? found.weight() : undefined,
      needs[3] ? found.bias() : undefined,
      needs[4] ? found.hidden : undefined,
      needs[5] ? found.cell : undefined,
      undefined,
    ];
  },
}); // prettier-ignore
