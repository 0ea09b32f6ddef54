// Recurrent cells and layers: one step, or all steps in one direction. Stacks of layers, both directions
// and dropout between layers are modules of nn; gates and gradients are in recurrent-core.ts.
import { ShapeError, showShape } from "../errors.ts";
import { modes } from "../modes.ts";
import type { Tensor } from "../tensor.ts";
import { add } from "./arithmetic.ts";
import { zeros } from "./creation.ts";
import { type Sample, type SampleSource, composite } from "./define.ts";
import { stack } from "./join.ts";
import { linear } from "./linear.ts";
import { lstmGates } from "./lstm-gates.ts";
import { matmul } from "./matmul.ts";
import { type CellKind, cells, extraOperands, recurrentLayer } from "./recurrent-core.ts";
import { unbind } from "./split.ts";
import { reshape, slice, transpose } from "./view.ts";

/** Weights of a cell, PyTorch's: gates below each other, in its order. */
export interface RecurrentWeights {
  /** `[gates · hidden, input]`. */
  readonly weightIh: Tensor;
  /** `[gates · hidden, hidden]`; with a projection `[gates · hidden, projection]`. */
  readonly weightHh: Tensor;
  /** `[gates · hidden]`. */
  readonly biasIh?: Tensor;
  /** `[gates · hidden]`. */
  readonly biasHh?: Tensor;
}

export interface LstmWeights extends RecurrentWeights {
  /** Projects hidden states, `[projection, hidden]`; layers only. Sak et al., 2014. */
  readonly weightHr?: Tensor;
}

export interface RecurrentOptions {
  /** From the last step to the first. Default false. */
  readonly isReversed?: boolean;
}

export interface RnnOptions extends RecurrentOptions {
  /** Default `tanh`. */
  readonly nonlinearity?: "tanh" | "relu";
}

/** Hidden state and cell, each `[batch, hidden]`. */
export type LstmState = readonly [hidden: Tensor, cell: Tensor];

const gateCounts = { tanh: 1, relu: 1, lstm: 4, gru: 3 } as const satisfies Record<
  CellKind,
  number
>;

function requireFit(
  name: string,
  kind: CellKind,
  { weightIh, weightHh }: RecurrentWeights,
  { x, hidden, ndim }: { readonly x: Tensor; readonly hidden: Tensor; readonly ndim: 2 | 3 },
): void {
  const axes = ndim === 3 ? "[steps, batch, input]" : "[batch, input]";
  if (x.ndim !== ndim || weightIh.ndim !== 2 || x.shape.at(-1) !== weightIh.shape[1]) {
    throw new ShapeError(
      `${name}: expected an input ${axes} for the weights ${showShape(weightIh.shape)} [${gateCounts[kind]} · ` +
        `hidden, input], got shape ${showShape(x.shape)}.`,
    );
  }
  const state = [x.shape.at(-2)!, weightHh.shape[1]!];
  if (weightHh.ndim === 2 && hidden.ndim === 2 && hidden.shape.every((n, i) => n === state[i]))
    return;
  throw new ShapeError(
    `${name}: expected a hidden state [batch, hidden] of shape ${showShape(state)}, got ` +
      `${showShape(hidden.shape)}.`,
  );
}

/** The inputs' part of the gates. What is added to the recurrent part as it is, is added here. */
function inputGates(
  kind: CellKind,
  x: Tensor,
  { weightIh, biasIh, biasHh }: RecurrentWeights,
): Tensor {
  const joins = kind !== "gru" && biasIh !== undefined && biasHh !== undefined;
  return linear(
    x,
    weightIh,
    joins ? add(biasIh, biasHh) : kind === "gru" ? biasIh : (biasIh ?? biasHh),
  );
}

/** The reset gate multiplies the recurrent part with its bias, so that a gru keeps it apart. */
const ownBias = (kind: CellKind, { weightHh, biasHh }: RecurrentWeights): Tensor | undefined =>
  kind === "gru"
    ? (biasHh ?? zeros([weightHh.shape[0]!], { dtype: weightHh.dtype, device: weightHh.device }))
    : undefined;

function step(
  kind: CellKind,
  x: Tensor,
  [hidden, cell]: readonly [Tensor, Tensor?],
  weights: RecurrentWeights,
): Tensor[] {
  const recurrent = matmul(hidden, transpose(weights.weightHh, 0, 1));
  const extra = extraOperands(kind, { bias: ownBias(kind, weights), hidden, cell });
  return cells[kind]([inputGates(kind, x, weights), recurrent, ...extra]);
}

/** The state after the last step that ran. */
function last(states: Tensor, isReversed: boolean): Tensor {
  const end = states.shape[0]!;
  const one = isReversed ? slice(states, 0, { end: 1 }) : slice(states, 0, { start: end - 1 });
  return reshape(one, states.shape.slice(1));
}

function requireSteps(name: string, x: Tensor): void {
  if (x.shape[0] !== 0) return;
  throw new ShapeError(
    `${name}: expected at least one step, got an input of shape ${showShape(x.shape)}.`,
  );
}

function layer(
  kind: CellKind,
  x: Tensor,
  [hidden, cell]: readonly [Tensor, Tensor?],
  weights: RecurrentWeights,
  isReversed: boolean,
): readonly Tensor[] {
  const fromInputs = inputGates(kind, x, weights);
  const bias = ownBias(kind, weights);
  const operands = [fromInputs, weights.weightHh, bias, hidden, cell];
  const isKept = modes.gradient && operands.some((one) => one?.node !== undefined);
  return recurrentLayer(kind, fromInputs, weights.weightHh, bias, hidden, cell, isReversed, isKept);
}

/** Weights of a sample, in PyTorch's order of gates. */
const weightsOf = (
  make: SampleSource,
  gates: number,
  { bias = true, projection = 2 } = {},
): RecurrentWeights =>
  ({
    weightIh: make([gates * 2, 3]),
    weightHh: make([gates * 2, projection]),
    ...(bias && { biasIh: make([gates * 2]), biasHh: make([gates * 2]) }),
  }) as unknown as RecurrentWeights;

const floats = ["float32", "float64"] as const;
const reluKinks = {
  tied: "at a kink PyTorch takes the slope of one side; central differences see both",
};

const cellSamples = (gates: number): Sample[] => [
  (make) => [make([2, 3]), make([2, 2]), weightsOf(make, gates)],
  (make) => [make([1, 3]), make([1, 2]), weightsOf(make, gates, { bias: false })],
];

const layerSamples = (gates: number): Sample[] => [
  (make) => [make([3, 2, 3]), make([2, 2]), weightsOf(make, gates)],
  (make) => [
    make([3, 1, 3]),
    make([1, 2]),
    weightsOf(make, gates, { bias: false }),
    { isReversed: true },
  ],
];

/** `tanh(W x + b + U h + c)`: x `[batch, input]`, hidden `[batch, hidden]` → `[batch, hidden]`. */
export const rnnCell = /* @__PURE__ */ composite(
  "rnnCell",
  (
    x: Tensor,
    hidden: Tensor,
    weights: RecurrentWeights,
    { nonlinearity = "tanh" }: Pick<RnnOptions, "nonlinearity"> = {},
  ): Tensor => {
    requireFit("rnnCell", nonlinearity, weights, { x, hidden, ndim: 2 });
    return step(nonlinearity, x, [hidden], weights)[0]!;
  },
  {
    samples: [
      ...cellSamples(1),
      (make) => [make([2, 3]), make([2, 2]), weightsOf(make, 1), { nonlinearity: "relu" }],
    ],
    dtypes: floats,
    skips: reluKinks,
  },
);

/**
 * A step of long short-term memory: x `[batch, input]`, hidden and cell `[batch, hidden]` → the next
 * hidden and cell. Hochreiter and Schmidhuber, 1997.
 */
export const lstmCell = /* @__PURE__ */ composite(
  "lstmCell",
  (x: Tensor, [hidden, cell]: LstmState, weights: RecurrentWeights): [Tensor, Tensor] => {
    requireFit("lstmCell", "lstm", weights, { x, hidden, ndim: 2 });
    return step("lstm", x, [hidden, cell], weights) as [Tensor, Tensor];
  },
  {
    samples: [
      (make) => [make([2, 3]), [make([2, 2]), make([2, 2])], weightsOf(make, 4)],
      (make) => [make([1, 3]), [make([1, 2]), make([1, 2])], weightsOf(make, 4, { bias: false })],
    ],
    dtypes: floats,
  },
);

/** A step of a gated recurrent unit, reset after the product as in cuDNN. Cho et al., 2014. */
export const gruCell = /* @__PURE__ */ composite(
  "gruCell",
  (x: Tensor, hidden: Tensor, weights: RecurrentWeights): Tensor => {
    requireFit("gruCell", "gru", weights, { x, hidden, ndim: 2 });
    return step("gru", x, [hidden], weights)[0]!;
  },
  { samples: cellSamples(3), dtypes: floats },
);

/**
 * `rnnCell` over all steps: x `[steps, batch, input]`, hidden `[batch, hidden]` → hidden states of all
 * steps `[steps, batch, hidden]`, and the last one.
 */
export const rnnLayer = /* @__PURE__ */ composite(
  "rnnLayer",
  (
    x: Tensor,
    hidden: Tensor,
    weights: RecurrentWeights,
    options: RnnOptions = {},
  ): [Tensor, Tensor] => {
    const { isReversed = false, nonlinearity = "tanh" } = options;
    requireFit("rnnLayer", nonlinearity, weights, { x, hidden, ndim: 3 });
    requireSteps("rnnLayer", x);
    const outputs = layer(nonlinearity, x, [hidden], weights, isReversed)[0]!;
    return [outputs, last(outputs, isReversed)];
  },
  {
    samples: [
      ...layerSamples(1),
      (make) => [make([2, 2, 3]), make([2, 2]), weightsOf(make, 1), { nonlinearity: "relu" }],
    ],
    dtypes: floats,
    skips: reluKinks,
  },
);

/** Steps with projected hidden states, each taped on its own. */
function projectedLayer(
  x: Tensor,
  [hidden, cell]: LstmState,
  { weightHr, ...weights }: LstmWeights,
  isReversed: boolean,
): [Tensor, Tensor, Tensor] {
  const inputs = unbind(inputGates("lstm", x, weights));
  const [recurrent, projection] = [transpose(weights.weightHh, 0, 1), transpose(weightHr!, 0, 1)];
  const outputs = new Array<Tensor>(inputs.length);
  let state: LstmState = [hidden, cell];
  for (let i = 0; i < inputs.length; i++) {
    const t = isReversed ? inputs.length - 1 - i : i;
    const [full, next] = lstmGates([inputs[t]!, matmul(state[0], recurrent), state[1]]) as [
      Tensor,
      Tensor,
    ];
    state = [matmul(full, projection), next];
    outputs[t] = state[0];
  }
  return [stack(outputs), ...state];
}

/**
 * `lstmCell` over all steps: x `[steps, batch, input]` → hidden states of all steps
 * `[steps, batch, hidden]`, and the last hidden state and cell.
 */
export const lstmLayer = /* @__PURE__ */ composite(
  "lstmLayer",
  (
    x: Tensor,
    [hidden, cell]: LstmState,
    weights: LstmWeights,
    { isReversed = false }: RecurrentOptions = {},
  ): [Tensor, Tensor, Tensor] => {
    requireFit("lstmLayer", "lstm", weights, { x, hidden, ndim: 3 });
    requireSteps("lstmLayer", x);
    if (weights.weightHr !== undefined)
      return projectedLayer(x, [hidden, cell], weights, isReversed);
    const [outputs, cellStates] = layer("lstm", x, [hidden, cell], weights, isReversed) as [
      Tensor,
      Tensor,
    ];
    return [outputs, last(outputs, isReversed), last(cellStates, isReversed)];
  },
  {
    samples: [
      (make) => [make([3, 2, 3]), [make([2, 2]), make([2, 2])], weightsOf(make, 4)],
      (make) => [
        make([2, 1, 3]),
        [make([1, 2]), make([1, 2])],
        weightsOf(make, 4, { bias: false }),
        { isReversed: true },
      ],
      (make) => [
        make([2, 1, 3]),
        [make([1, 1]), make([1, 2])],
        { ...weightsOf(make, 4, { projection: 1 }), weightHr: make([1, 2]) },
      ],
    ],
    dtypes: floats,
  },
);

/**
 * `gruCell` over all steps: x `[steps, batch, input]` → hidden states of all steps
 * `[steps, batch, hidden]`, and the last one.
 */
export const gruLayer = /* @__PURE__ */ composite(
  "gruLayer",
  (
    x: Tensor,
    hidden: Tensor,
    weights: RecurrentWeights,
    { isReversed = false }: RecurrentOptions = {},
  ): [Tensor, Tensor] => {
    requireFit("gruLayer", "gru", weights, { x, hidden, ndim: 3 });
    requireSteps("gruLayer", x);
    const outputs = layer("gru", x, [hidden], weights, isReversed)[0]!;
    return [outputs, last(outputs, isReversed)];
  },
  { samples: layerSamples(3), dtypes: floats },
);
