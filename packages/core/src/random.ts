// Counter-based random numbers: Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers:
// as easy as 1, 2, 3", 2011). Word i of call c under key k is a pure function of (k, c, i), so the same
// seed gives the same words on every backend. Ops that draw are in ops/random.ts.
import type { Device } from "./runtime/device.ts";
import { type Scalar, constant, s } from "./scalar/instruction.ts";
import { Variable } from "./variable.ts";
import { fromTypedArray } from "./ops/creation.ts";

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const parity = 0x1bd11bda;

/** The two words of counter (c0, c1) under key (k0, k1), as int32 numbers. For use on the host. */
export function threefry(k0: number, k1: number, c0: number, c1: number): [number, number] {
  const keys = [k0 | 0, k1 | 0, k0 ^ k1 ^ parity];
  let x = (c0 + keys[0]!) | 0;
  let y = (c1 + keys[1]!) | 0;
  for (let round = 0; round < 20; round++) {
    x = (x + y) | 0;
    const by = rotations[round % 8]!;
    y = ((y << by) | (y >>> (32 - by))) ^ x;
    if (round % 4 === 3) {
      const i = (round + 1) / 4;
      x = (x + keys[i % 3]!) | 0;
      y = (y + keys[(i + 1) % 3]! + i) | 0;
    }
  }
  return [x, y];
}

/** The same as scalar expressions over int32. */
export function threefryScalars(k0: Scalar, k1: Scalar, c0: Scalar, c1: Scalar): [Scalar, Scalar] {
  const keys = [k0, k1, s.bitXor(s.bitXor(k0, k1), constant(parity, "int32"))];
  let x = s.add(c0, keys[0]!);
  let y = s.add(c1, keys[1]!);
  for (let round = 0; round < 20; round++) {
    x = s.add(x, y);
    const by = rotations[round % 8]!;
    y = s.bitXor(s.bitOr(s.shl(y, by), s.shrU(y, 32 - by)), x);
    if (round % 4 === 3) {
      const i = (round + 1) / 4;
      x = s.add(x, keys[i % 3]!);
      y = s.add(s.add(y, keys[(i + 1) % 3]!), i);
    }
  }
  return [x, y];
}

/** A source of random numbers on one device. Its state is a variable, so it is checkpointed. */
export class Generator {
  /** int32 `[key0, key1, calls]`. */
  readonly state: Variable;
  readonly device: Device;

  constructor(device: Device, seed = 0) {
    this.device = device;
    const initial = fromTypedArray(wordsOf(seed), [3], "int32", device);
    this.state = new Variable(initial);
    initial.dispose();
  }

  /** Starts again from a seed, an integer up to 2^53. */
  manualSeed(seed: number): this {
    const words = fromTypedArray(wordsOf(seed), [3], "int32", this.device);
    this.state.assign(words);
    words.dispose();
    return this;
  }
}

function wordsOf(seed: number): Int32Array {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed: expected an integer, got ${seed}.`);
  const high = Math.floor(seed / 2 ** 32);
  return Int32Array.of(seed - high * 2 ** 32, high, 0);
}

const defaults = new Map<Device, Generator>();
let defaultSeed = Math.floor(Math.random() * 2 ** 32);

/** The generator that ops use on a device when none is given. */
export function defaultGenerator(device: Device): Generator {
  let found = defaults.get(device);
  if (found === undefined) {
    found = new Generator(device, defaultSeed);
    defaults.set(device, found);
  }
  return found;
}

/** Seeds the default generators of all devices. `torch.manual_seed`. */
export function manualSeed(seed: number): void {
  defaultSeed = seed;
  for (const generator of defaults.values()) generator.manualSeed(seed);
}
