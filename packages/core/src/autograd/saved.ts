// What the tape keeps of a tensor: the tensor and its buffer, a handle of its own, or what
// `savedTensorsHooks` made of it.
import { modes } from "../modes.ts";
import type { Storage } from "../runtime/storage.ts";
import { type Tensor, isTensor } from "../tensor.ts";
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

/** Keeps a tensor for backward, by a handle of its own. */
export const keepTensor = (tensor: Tensor): Saved =>
  modes.saved === undefined ? tensor.alias() : new Packed(tensor, modes.saved);

/** What one call saved, by number. */
export class SavedValues {
  /** Values in turn with the buffers that were retained for those that are kept as they are. */
  readonly #entries: unknown[];
  /** Whether there is anything to free. */
  holdsTensors = false;

  constructor(count: number) {
    this.#entries = new Array(2 * count);
  }

  set(position: number, value: unknown): void {
    let kept = value;
    let storage: Storage | undefined;
    if (isTensor(value)) {
      this.holdsTensors = true;
      // A plain tensor cannot change but be disposed of: its buffer is all that needs a hold.
      if (modes.saved === undefined && !value.isVariable) storage = value.heldStorage;
      if (storage === undefined) kept = keepTensor(value);
      else storage.retain();
    }
    this.#entries[2 * position] = kept;
    this.#entries[2 * position + 1] = storage;
  }

  get(position: number): unknown {
    const value = this.#entries[2 * position];
    if (value instanceof Packed) return value.open();
    const storage = this.#entries[2 * position + 1] as Storage | undefined;
    if (storage === undefined || (value as Tensor).heldStorage === storage) return value;
    const revived = (value as Tensor).aliasOf(storage);
    storage.release();
    this.#entries[2 * position] = revived;
    this.#entries[2 * position + 1] = undefined;
    return revived;
  }

  /** What stands for a tensor that could not be kept as it is. */
  handle(position: number): Saved | undefined {
    const value = this.#entries[2 * position];
    if (this.#entries[2 * position + 1] !== undefined) return undefined;
    return isTensor(value) || value instanceof Packed ? value : undefined;
  }

  release(): void {
    for (let i = 0; i < this.#entries.length; i += 2) {
      const value = this.#entries[i];
      const storage = this.#entries[i + 1] as Storage | undefined;
      if (storage !== undefined) storage.release();
      else if (isTensor(value)) value.dispose();
    }
  }
}

export const nothingSaved: SavedValues = new SavedValues(0);

export interface SavedTensorsHooks<P> {
  /** Called with each tensor that is saved while the hooks are set; gives what to keep instead. */
  readonly pack: (tensor: Tensor) => P;
  /** Called when backward needs the tensor again. */
  readonly unpack: (payload: P) => Tensor;
}
