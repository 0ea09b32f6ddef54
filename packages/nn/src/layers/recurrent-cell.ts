// Single steps of recurrent layers, for loops of one's own.
import {
  type Parameter,
  type RecurrentWeights,
  ShapeError,
  type Tensor,
  gruCell,
  lstmCell,
  rnnCell,
  scope,
  zeros,
} from "@flambeau/core";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import type { LayerOptions } from "./parameter.ts";
import { recurrentWeight } from "./recurrent.ts";

export interface RecurrentCellOptions extends LayerOptions {
  /** Default true. */
  readonly bias?: boolean;
}

export interface RnnCellOptions extends RecurrentCellOptions {
  /** Default `tanh`. */
  readonly nonlinearity?: "tanh" | "relu";
}

/** What the three kinds share. */
abstract class RecurrentCell extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly weightIh: Parameter; // [gates · hiddenSize, inputSize]
  readonly weightHh: Parameter; // [gates · hiddenSize, hiddenSize]
  readonly biasIh: Parameter | undefined; // [gates · hiddenSize]
  readonly biasHh: Parameter | undefined; // [gates · hiddenSize]

  constructor(
    inputSize: number,
    hiddenSize: number,
    options: RecurrentCellOptions & { readonly gates: number },
  ) {
    super();
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    const rows = options.gates * hiddenSize;
    const make = (...shape: number[]) => recurrentWeight(shape, hiddenSize, options);
    this.weightIh = make(rows, inputSize);
    this.weightHh = make(rows, hiddenSize);
    this.biasIh = options.bias === false ? undefined : make(rows);
    this.biasHh = options.bias === false ? undefined : make(rows);
  }

  protected get weights(): RecurrentWeights {
    const { weightIh, weightHh, biasIh, biasHh } = this;
    return { weightIh, weightHh, ...(biasIh && { biasIh }), ...(biasHh && { biasHh }) };
  }

  /** Runs `step` on a batch; states are zeros by default. */
  protected run(
    x: Tensor,
    given: readonly Tensor[] | undefined,
    count: number,
    step: (x: Tensor, states: readonly Tensor[]) => readonly Tensor[],
  ): Tensor[] {
    if (x.ndim < 1 || x.ndim > 2 || x.shape.at(-1) !== this.inputSize) {
      throw new ShapeError(
        `${this.constructor.name}: expected an input [batch, ${this.inputSize}] or [${this.inputSize}], got shape ` +
          `[${x.shape.join(", ")}].`,
      );
    }
    return scope(() => {
      const isBatch = x.ndim === 2;
      const batched = (y: Tensor) => (isBatch ? y : y.unsqueeze(0));
      const input = batched(x);
      const shape = [input.shape[0]!, this.hiddenSize];
      const like = { dtype: x.dtype, device: x.device };
      const states = given?.map(batched) ?? Array.from({ length: count }, () => zeros(shape, like));
      return step(input, states).map((state) => (isBatch ? state : state.squeeze(0)));
    });
  }

  override extraRepr(): string {
    const bias = this.biasIh === undefined ? `, ${showOptions({ bias: false })}` : "";
    return `${this.inputSize}, ${this.hiddenSize}${bias}`;
  }
}

/** A step of `RNN`: [batch, inputSize], [batch, hiddenSize] → [batch, hiddenSize]. `torch.nn.RNNCell`. */
export class RNNCell extends RecurrentCell {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RnnCellOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 1 });
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }

  forward(x: Tensor, hidden?: Tensor): Tensor {
    const { nonlinearity, weights } = this;
    return this.run(x, hidden && [hidden], 1, (y, [h]) => [
      rnnCell(y, h!, weights, { nonlinearity }),
    ])[0]!;
  }
}

/** A step of `LSTM`: [batch, inputSize], hidden and cell → hidden and cell. `torch.nn.LSTMCell`. */
export class LSTMCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 4 });
  }

  forward(
    x: Tensor,
    state?: readonly [hidden: Tensor, cell: Tensor],
  ): [hidden: Tensor, cell: Tensor] {
    const { weights } = this;
    return this.run(x, state, 2, (y, [h, c]) => lstmCell(y, [h!, c!], weights)) as [Tensor, Tensor];
  }
}

/** A step of `GRU`: [batch, inputSize], [batch, hiddenSize] → [batch, hiddenSize]. `torch.nn.GRUCell`. */
export class GRUCell extends RecurrentCell {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentCellOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 3 });
  }

  forward(x: Tensor, hidden?: Tensor): Tensor {
    const { weights } = this;
    return this.run(x, hidden && [hidden], 1, (y, [h]) => [gruCell(y, h!, weights)])[0]!;
  }
}
