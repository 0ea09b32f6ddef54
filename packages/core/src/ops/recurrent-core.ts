// One recurrent layer in one direction as one function: per step a matrix product and one kernel of
// gates, forwards and backwards; weights get their gradients from one product over all steps. Public
// functions are in recurrent.ts.
import { customFunction } from "../autograd/function.ts";
import { constant, s } from "../scalar/instruction.ts";
import { modes } from "../modes.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./arithmetic.ts";
import { cloneInto, contiguous } from "./cast.ts";
import { zerosLike } from "./creation.ts";
import { type Gates, gates } from "./gates.ts";
import { stack } from "./join.ts";
import { logistic, lstmGates, lstmGatesKept, lstmSlopes } from "./lstm-gates.ts";
import { productInto } from "./linear.ts";
import { matmul } from "./matmul.ts";
import { sum } from "./reduction.ts";
import { StepResults, someSteps, stepsOf } from "./steps.ts";
import { reshape, transpose } from "./view.ts";

/** Input and recurrent parts → hidden. */
const tanhGates = /* @__PURE__ */ gates("rnnTanh", [1, 1], ([x], [r]) => [[s.tanh(s.add(x!, r!))]]);

/** Input and recurrent parts → hidden; the slope at 0 is 0. */
const reluGates = /* @__PURE__ */ gates("rnnRelu", [1, 1], ([x], [r]) => {
  const sum = s.add(x!, r!);
  return [[s.select(s.le(sum, 0), constant(0, sum.dtype), sum)]];
});

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

/** Steps in the order in which they run. */
const orderOf = (count: number, isReversed: boolean): number[] => {
  const steps = Array.from({ length: count }, (_, i) => i);
  return isReversed ? steps.toReversed() : steps;
};

/**
 * Hidden states or cells of all steps are kept as `[steps + 1, batch, hidden]`, with the initial one before the
 * first step that runs: `after` is the place of step 0's, `before` that of what it started from.
 */
const placesOf = (count: number, isReversed: boolean) =>
  isReversed ? { after: 0, before: 1, initial: count } : { after: 1, before: 0, initial: 0 };

interface Saved {
  readonly kind: CellKind;
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  readonly isReversed: boolean;
  /** Hidden states and, of an lstm, cells: `[steps + 1, batch, hidden]`. */
  readonly hiddens: Tensor;
  readonly cells: Tensor | undefined;
  /** Recurrent parts of the gates, `[steps, batch, gates · hidden]`; of an lstm the gates themselves. */
  readonly gates: Tensor;
}

const some = (...list: readonly (Tensor | undefined)[]): Tensor[] =>
  list.filter((one) => one !== undefined);

const total = (list: readonly Tensor[]): Tensor | undefined =>
  list.length === 0 ? undefined : list.reduce((a, b) => add(a, b));

/** `grads`: of what `forward` gives, in its order. */
function backward(saved: Saved, grads: readonly (Tensor | undefined)[]) {
  const { kind, x, weight, bias, isReversed } = saved;
  const isLstm = kind === "lstm";
  const call = cells[kind];
  const [count, batch] = x.shape as [number, number];
  const { after, before, initial } = placesOf(count, isReversed);
  const rows = (y: Tensor) => reshape(y, [count * batch, y.shape[2]!]);
  const [ofOutputs, ofLastCells, ofHiddens, ofProducts, ofCells] = (
    isLstm ? grads : [grads[0], undefined, grads[1], grads[2]]
  ).map((grad) => grad && stepsOf(grad)) as (Tensor[] | undefined)[];
  const transposed = transpose(weight, 0, 1);
  const hiddensBefore = () => rows(someSteps(saved.hiddens, before, before + count));
  // The gates of an lstm have no history: a gradient that will be differentiated itself makes them again.
  const isShort = isLstm && !modes.gradient;
  const known = isLstm && !isShort ? reshape(matmul(hiddensBefore(), transposed), x.shape) : saved.gates;
  const [inputs, products] = [stepsOf(x), stepsOf(known)];
  const [hiddens, cellStates] = [stepsOf(saved.hiddens), saved.cells && stepsOf(saved.cells)];
  const gates = new StepResults(count, [batch, weight.shape[0]!], x);
  const ofInput = kind === "gru" ? new StepResults(count, [batch, weight.shape[0]!], x) : undefined;
  let [ofHidden, ofCell]: (Tensor | undefined)[] = [];
  for (const t of orderOf(count, !isReversed)) {
    const carried = { bias, hidden: hiddens[t + before]!, cell: cellStates?.[t + before] };
    const operands = [inputs[t]!, products[t]!, ...extraOperands(kind, carried)];
    const upstream = some(ofOutputs?.[t], ofHiddens?.[t + after], ofHidden);
    if (upstream.length === 0) upstream.push(zerosLike(carried.hidden));
    let ofGates: Tensor;
    if (isLstm) {
      const ofNext = some(ofLastCells?.[t], ofCells?.[t + after], ofCell);
      if (isShort) {
        const states = [products[t]!, carried.cell!, cellStates![t + after]!] as const;
        [ofGates, ofCell] = lstmSlopes(states, upstream, ofNext, [gates.at(t)]);
      } else [, ofGates, ofCell] = call.pull(operands, [upstream, ofNext], [false, true, true]) as [undefined, Tensor, Tensor];
    } else if (kind === "gru") {
      const into = [ofInput!.at(t), gates.at(t)];
      const pulled = call.pull(operands, [upstream], [true, true, false, true], into);
      ofInput!.set(t, pulled[0]!);
      ofGates = pulled[1]!;
      ofCell = pulled[3];
    } else ofGates = call.pull(operands, [upstream], [false, true], [gates.at(t)])[1]!;
    gates.set(t, ofGates);
    const ofProduct = total(some(ofGates, ofProducts?.[t]))!;
    ofHidden = productInto(ofProduct, transposed, undefined);
    if (kind === "gru") ofHidden = add(ofCell!, ofHidden);
  }
  const all = gates.whole(); // [steps, batch, gates · hidden]
  const ofAllProducts = (): Tensor => total(some(all, ofProducts && stack(ofProducts)))!;
  return {
    // What is added to the recurrent part has the same gradient.
    input: ofInput?.whole() ?? all,
    weight: () => matmul(transpose(rows(ofAllProducts()), 0, 1), hiddensBefore()),
    bias: () => sum(all, [0, 1]),
    hidden: total(some(ofHidden, ofHiddens?.[initial])),
    cell: isLstm ? total(some(ofCell, ofCells?.[initial])) : undefined,
  };
} // prettier-ignore

/**
 * A layer over all steps. `x` `[steps, batch, gates · hidden]` is the inputs' part of the gates, `weight`
 * `[gates · hidden, hidden]`, `bias` `[3 · hidden]` (gru only). Gives the hidden states of all steps, the cells
 * of an lstm, and, where `isKept`, what the gradient reads: the states with the initial one, the recurrent
 * parts of the gates (of an lstm the gates), and the cells with the initial one.
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
    isKept: boolean,
  ) => {
    const count = x.shape[0]!;
    const { after, initial } = placesOf(count, isReversed);
    const inputs = stepsOf(x);
    // Many products with one factor: laid out once as products read it.
    const factor = transpose(contiguous(transpose(weight, 0, 1)), 0, 1);
    const hiddens = new StepResults(count + 1, hidden.shape, x);
    const cellStates = cell && new StepResults(count + 1, cell.shape, x);
    const isLstm = kind === "lstm";
    const kept = isKept ? new StepResults(count, x.shape.slice(1), x) : undefined;
    hiddens.set(initial, cloneInto(hidden, hiddens.at(initial)));
    if (cell !== undefined) cellStates!.set(initial, cloneInto(cell, cellStates!.at(initial)));
    let state = { bias, hidden, cell };
    for (const t of orderOf(count, isReversed)) {
      const product = productInto(state.hidden, factor, isLstm ? undefined : kept?.at(t));
      const into = [hiddens.at(t + after), cellStates?.at(t + after), isLstm ? kept?.at(t) : undefined];
      const operands = [inputs[t]!, product, ...extraOperands(kind, state)];
      const [next, nextCell, own] = (isLstm && isKept ? lstmGatesKept : cells[kind])(operands, into);
      kept?.set(t, own ?? product);
      // Its memory serves the next step while it is near.
      if (hiddens.at(t + after) !== undefined && product !== kept?.at(t)) product.dispose();
      state = { bias, hidden: next!, cell: nextCell };
      hiddens.set(t + after, next!);
      if (nextCell !== undefined) cellStates!.set(t + after, nextCell);
    }
    const allHiddens = hiddens.whole();
    const allCells = cellStates?.whole();
    const own = (all: Tensor) => someSteps(all, after, after + count);
    const allGates = kept?.whole();
    const saved = { kind, x, weight, bias, isReversed, hiddens: allHiddens, cells: allCells, gates: allGates };
    const results = some(own(allHiddens), allCells && own(allCells));
    return { result: isKept ? [...results, ...some(allHiddens, allGates, allCells)] : results, saved };
  },
  backward: (saved, grads, needs) => {
    const found = backward(saved as Saved, grads);
    return [
      undefined,
      needs[1] ? found.input : undefined,
      needs[2] ? found.weight() : undefined,
      needs[3] ? found.bias() : undefined,
      needs[4] ? found.hidden : undefined,
      needs[5] ? found.cell : undefined,
      undefined,
      undefined,
    ];
  },
}); // prettier-ignore
