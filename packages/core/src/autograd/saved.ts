// What the tape keeps of a tensor: a handle, or what `savedTensorsHooks` made of it.
import { modes } from "../modes.ts";
import type { Tensor } from "../tensor.ts";
import type { GradientNode } from "./tape.ts";

/** A saved tensor in the form that hooks gave it. */
export class Packed {
  readonly #payload: unknown;
  readonly #unpack: (payload: unknown) => Tensor;
  /** Where gradients of the tensor go. */
  node: GradientNode | undefined;
  outputIndex: number;

  constructor(tensor: Tensor, { pack, unpack }: SavedTensorsHooks<unknown>) {
    this.#payload = pack(tensor.withoutHistory());
    this.#unpack = unpack;
    this.node = tensor.node;
    this.outputIndex = tensor.outputIndex;
  }

  open(): Tensor {
    const result = this.#unpack(this.#payload).withoutHistory();
    result.node = this.node;
    result.outputIndex = this.outputIndex;
    return result;
  }
}

export type Saved = Tensor | Packed;

/** Keeps a tensor for backward. */
export const keepTensor = (tensor: Tensor): Saved =>
  modes.saved === undefined ? tensor.alias() : new Packed(tensor, modes.saved);

export interface SavedTensorsHooks<P> {
  /** Called with each tensor that is saved while the hooks are set; gives what to keep instead. */
  readonly pack: (tensor: Tensor) => P;
  /** Called when backward needs the tensor again. */
  readonly unpack: (payload: P) => Tensor;
}
