// A mean over a stream of tensors. Sums are kept in float64 on the host; on devices that cannot be
// read at once, tensors wait until someone asks for the mean.
import { type Device, type Tensor, scope } from "@flambeau/core";

/** What was measured of one batch. */
interface Measurement {
  /** On the device: of `size` values. */
  readonly sum: Tensor;
  readonly size: number;
  /** Samples that these values stand for. */
  readonly count: number;
}

export interface MeanState {
  readonly sum: number;
  readonly count: number;
}

/** Waiting measurements are read together once there are so many. */
const longestWait = 64;

export class RunningMean {
  #sum = 0;
  #count = 0;
  #waiting: Measurement[] = [];
  readonly #observe: ((mean: number) => void) | undefined;

  /** `observe` hears the mean of each addition, in order, once it is known. */
  constructor(observe?: (mean: number) => void) {
    this.#observe = observe;
  }

  /** Adds values that count one each; or, given `count`, a 0-d mean that stands for so many. */
  add(values: Tensor, count?: number): void | Promise<void> {
    const sum = scope(() => {
      const detached = values.detach();
      if (values.size === 1) return detached;
      return (detached.dtype === "bool" ? detached.cast("int32") : detached).sum();
    });
    const measured = { sum, size: values.size, count: count ?? values.size };
    const read = readNow(sum);
    if (read !== undefined) return this.#take(measured, read);
    this.#waiting.push(measured);
    if (this.#waiting.length >= longestWait) return this.#flush();
  }

  #take({ sum, size, count }: Measurement, read: number): void {
    sum.dispose();
    this.#sum += (read / size) * count;
    this.#count += count;
    this.#observe?.(read / size);
  }

  async #flush(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const measured of waiting) this.#take(measured, await measured.sum.item());
  }

  /** The mean so far; NaN where nothing was added. Measurements that still wait are left out. */
  get current(): number {
    return this.#sum / this.#count;
  }

  async result(): Promise<number> {
    await this.#flush();
    return this.current;
  }

  async state(): Promise<MeanState> {
    await this.#flush();
    return { sum: this.#sum, count: this.#count };
  }

  /** Starts again, from a saved state if one is given. */
  reset(state: MeanState = { sum: 0, count: 0 }): void {
    for (const { sum } of this.#waiting) sum.dispose();
    this.#waiting = [];
    this.#sum = state.sum;
    this.#count = state.count;
  }
}

/** Whether reads of a device have to be awaited. */
const isAsynchronous = new WeakMap<Device, boolean>();

function readNow(value: Tensor): number | undefined {
  const { device } = value;
  let waits = isAsynchronous.get(device);
  if (waits === undefined) {
    waits = device.backend.read(value.storage.handle, 0, 0) instanceof Promise;
    isAsynchronous.set(device, waits);
  }
  return waits ? undefined : value.itemSync();
}
