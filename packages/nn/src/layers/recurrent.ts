// Stacks of recurrent layers: names of weights, order of gates and shapes are PyTorch's. Single steps
// are in recurrent-cell.ts.
import {
  FlambeauError,
  type Generator,
  type LstmWeights,
  type Parameter,
  ShapeError,
  type Tensor,
  concat,
  dropout,
  gruLayer,
  lstmLayer,
  rnnLayer,
  scope,
  stack,
  zeros,
} from "@flambeau/core";
import * as init from "../init.ts";
import { Module } from "../module.ts";
import { showOptions } from "../outline.ts";
import { type LayerOptions, parameter } from "./parameter.ts";

export interface RecurrentLayerOptions extends LayerOptions {
  /** Layers on top of each other. Default 1. */
  readonly numLayers?: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Input and output are `[batch, steps, size]`; states stay `[layers, batch, size]`. Default false. */
  readonly batchFirst?: boolean;
  /** Probability of dropping values between layers, in training. Default 0. */
  readonly dropout?: number;
  /** A second set of layers runs from the end; outputs stand side by side. Default false. */
  readonly bidirectional?: boolean;
}

export interface RnnLayerOptions extends RecurrentLayerOptions {
  /** Default `tanh`. */
  readonly nonlinearity?: "tanh" | "relu";
}

export interface LstmLayerOptions extends RecurrentLayerOptions {
  /** Projects hidden states to this size. Default 0: not at all. */
  readonly projSize?: number;
}

interface Kind extends RecurrentLayerOptions {
  readonly gates: number;
  readonly projSize?: number;
}

/** Uniform within ±1/√hiddenSize, as PyTorch's. */
export const recurrentWeight = (shape: readonly number[], hiddenSize: number, options: LayerOptions): Parameter => {
  const bound = hiddenSize > 0 ? 1 / Math.sqrt(hiddenSize) : 0;
  return init.uniform(parameter(shape, options), { ...options, low: -bound, high: bound });
}; // prettier-ignore

/** One layer in one direction: input `[steps, batch, size]` and its states → outputs, then last states. */
type RunLayer = (
  x: Tensor,
  states: readonly Tensor[],
  weights: LstmWeights,
  isReversed: boolean,
) => readonly Tensor[];

/** What the three kinds share. */
abstract class Recurrent extends Module {
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly batchFirst: boolean;
  readonly dropout: number;
  readonly bidirectional: boolean;
  readonly projSize: number;
  readonly generator: Generator | undefined;
  readonly #hasBias: boolean;
  /** `weightIhL0`, `weightHhL0Reverse`, …: `weight_ih_l0` and `weight_hh_l0_reverse` in a state dict. */
  readonly [weight: `${"weight" | "bias"}${string}L${number}${string}`]: Parameter;

  constructor(inputSize: number, hiddenSize: number, options: Kind) {
    super();
    const { numLayers = 1, bias = true, projSize = 0, bidirectional = false } = options;
    this.inputSize = inputSize;
    this.hiddenSize = hiddenSize;
    this.numLayers = numLayers;
    this.batchFirst = options.batchFirst ?? false;
    this.dropout = options.dropout ?? 0;
    this.bidirectional = bidirectional;
    this.projSize = projSize;
    this.generator = options.generator;
    this.#hasBias = bias;
    if (
      !Number.isInteger(numLayers) ||
      numLayers < 1 ||
      projSize < 0 ||
      projSize >= Math.max(hiddenSize, 1)
    ) {
      throw new FlambeauError(
        `${new.target.name}: expected numLayers of at least 1 and a projSize below hiddenSize ${hiddenSize}, ` +
          `got ${numLayers} and ${projSize}.`,
      );
    }
    const rows = options.gates * hiddenSize;
    const outputSize = projSize > 0 ? projSize : hiddenSize;
    for (let layer = 0; layer < numLayers; layer++) {
      const size = layer === 0 ? inputSize : outputSize * this.#directions.length;
      for (const direction of this.#directions) {
        const shapes = {
          weightIh: [rows, size],
          weightHh: [rows, outputSize],
          ...(bias && { biasIh: [rows], biasHh: [rows] }),
          ...(projSize > 0 && { weightHr: [projSize, hiddenSize] }),
        };
        for (const [name, shape] of Object.entries(shapes)) {
          const field = `${name}L${layer}${direction}`;
          Object.assign(this, { [field]: recurrentWeight(shape, hiddenSize, options) });
        }
      }
    }
  }

  get #directions(): readonly string[] {
    return this.bidirectional ? ["", "Reverse"] : [""];
  }

  #weights(layer: number, direction: string): LstmWeights {
    const at = `L${layer}${direction}` as `L${number}`;
    return {
      weightIh: this[`weightIh${at}`]!,
      weightHh: this[`weightHh${at}`]!,
      ...(this.#hasBias && { biasIh: this[`biasIh${at}`], biasHh: this[`biasHh${at}`] }),
      ...(this.projSize > 0 && { weightHr: this[`weightHr${at}`] }),
    };
  }

  /** Runs all layers; gives outputs in the input's layout, then each kind of last state. */
  protected run(
    input: Tensor,
    given: readonly Tensor[] | undefined,
    layer: RunLayer,
    kinds: number,
  ): Tensor[] {
    return scope(() => this.#run(input, given, layer, kinds));
  }

  #run(
    input: Tensor,
    given: readonly Tensor[] | undefined,
    layer: RunLayer,
    kinds: number,
  ): Tensor[] {
    const isBatch = input.ndim === 3;
    if ((input.ndim !== 2 && !isBatch) || input.shape.at(-1) !== this.inputSize) {
      throw new ShapeError(
        `${this.constructor.name}: expected an input [steps, batch, ${this.inputSize}]` +
          `${this.batchFirst ? " (batchFirst: [batch, steps, …])" : ""}, or [steps, ${this.inputSize}], got shape ` +
          `[${input.shape.join(", ")}]. Pad sequences of different lengths; there are no packed ones.`,
      );
    }
    let x = isBatch ? (this.batchFirst ? input.transpose(0, 1) : input) : input.unsqueeze(1);
    const states = this.#states(x, given, isBatch, kinds).map((state) => state.unbind());
    const results = states.map((): Tensor[] => []);
    for (let at = 0; at < this.numLayers; at++) {
      const outputs = this.#directions.map((direction, i) => {
        const own = states.map((list) => list[at * this.#directions.length + i]!);
        const [output, ...last] = layer(x, own, this.#weights(at, direction), i === 1);
        last.forEach((state, kind) => results[kind]!.push(state));
        return output!;
      });
      x = outputs.length === 1 ? outputs[0]! : concat(outputs, 2);
      if (at < this.numLayers - 1 && this.dropout > 0) {
        x = dropout(x, this.dropout, { training: this.training, generator: this.generator });
      }
    }
    const output = isBatch ? (this.batchFirst ? x.transpose(0, 1) : x) : x.squeeze(1);
    const last = results.map((list) => stack(list)); // [layers · directions, batch, size]
    return [output, ...(isBatch ? last : last.map((state) => state.squeeze(1)))];
  }

  /** Initial states `[layers · directions, batch, size]`, zeros by default. */
  #states(
    x: Tensor,
    given: readonly Tensor[] | undefined,
    isBatch: boolean,
    kinds: number,
  ): readonly Tensor[] {
    const count = this.numLayers * this.#directions.length;
    const shapes = [this.projSize || this.hiddenSize, this.hiddenSize]
      .slice(0, kinds)
      .map((size) => [count, x.shape[1]!, size]);
    if (given === undefined) {
      return shapes.map((shape) => zeros(shape, { dtype: x.dtype, device: x.device }));
    }
    return shapes.map((shape, i) => {
      const expected = isBatch ? shape : shape.toSpliced(1, 1);
      const state = given[i];
      if (state !== undefined && String(state.shape) === String(expected)) {
        return isBatch ? state : state.unsqueeze(1);
      }
      throw new ShapeError(
        `${this.constructor.name}: expected a state [layers · directions${isBatch ? ", batch" : ""}, size] of shape ` +
          `[${expected.join(", ")}], got ${state === undefined ? "none" : `[${state.shape.join(", ")}]`}.`,
      );
    });
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, batchFirst, bidirectional } = this;
    const rest = showOptions({
      ...(numLayers > 1 && { numLayers }),
      ...(!this.#hasBias && { bias: false }),
      ...(batchFirst && { batchFirst }),
      ...(this.dropout > 0 && { dropout: this.dropout }),
      ...(bidirectional && { bidirectional }),
      ...(this.projSize > 0 && { projSize: this.projSize }),
    });
    return [`${inputSize}, ${hiddenSize}`, rest].filter(Boolean).join(", ");
  }
}

/**
 * Elman's network: `tanh(W x + b + U h + c)` at each step. Input [steps, batch, inputSize] and state
 * [layers · directions, batch, hiddenSize] → outputs [steps, batch, directions · hiddenSize] and the last
 * state. `torch.nn.RNN`.
 */
export class RNN extends Recurrent {
  readonly nonlinearity: "tanh" | "relu";

  constructor(inputSize: number, hiddenSize: number, options: RnnLayerOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 1, projSize: 0 });
    this.nonlinearity = options.nonlinearity ?? "tanh";
  }

  forward(x: Tensor, hidden?: Tensor): [output: Tensor, hidden: Tensor] {
    const { nonlinearity } = this;
    const layer: RunLayer = (y, [h], weights, isReversed) =>
      rnnLayer(y, h!, weights, { nonlinearity, isReversed });
    return this.run(x, hidden && [hidden], layer, 1) as [Tensor, Tensor];
  }
}

/**
 * Gated recurrent units. Input [steps, batch, inputSize] and state [layers · directions, batch, hiddenSize]
 * → outputs [steps, batch, directions · hiddenSize] and the last state. `torch.nn.GRU`.
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentLayerOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 3, projSize: 0 });
  }

  forward(x: Tensor, hidden?: Tensor): [output: Tensor, hidden: Tensor] {
    const layer: RunLayer = (y, [h], weights, isReversed) =>
      gruLayer(y, h!, weights, { isReversed });
    return this.run(x, hidden && [hidden], layer, 1) as [Tensor, Tensor];
  }
}

/**
 * Long short-term memory. Input [steps, batch, inputSize], hidden state and cell
 * [layers · directions, batch, hiddenSize] (hidden: projSize, where there is one) → outputs
 * [steps, batch, directions · hiddenSize] and the last hidden state and cell. `torch.nn.LSTM`.
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: LstmLayerOptions = {}) {
    super(inputSize, hiddenSize, { ...options, gates: 4 });
  }

  forward(
    x: Tensor,
    state?: readonly [hidden: Tensor, cell: Tensor],
  ): [output: Tensor, state: [hidden: Tensor, cell: Tensor]] {
    const layer: RunLayer = (y, [h, c], weights, isReversed) =>
      lstmLayer(y, [h!, c!], weights, { isReversed });
    const [output, hidden, cell] = this.run(x, state, layer, 2) as [Tensor, Tensor, Tensor];
    return [output, [hidden, cell]];
  }
}
