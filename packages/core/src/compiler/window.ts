// Loads through windows that slide over spatial axes: strides, padding and dilation, either way.
import type { OperandDescription } from "../operation.ts";
import type { Guard, Load } from "./kernel.ts";

/** How windows lie on the input; one number per spatial axis in each list. */
export interface WindowGeometry {
  readonly input: readonly number[];
  readonly kernel: readonly number[];
  readonly output: readonly number[];
  readonly stride: readonly number[];
  /** Padding before the first element; what follows the last is implied by `output`. */
  readonly before: readonly number[];
  readonly dilation: readonly number[];
}

/** `(base + place · step + kernel · kernelStep) / divisor` on one spatial axis. */
export interface Coordinate {
  readonly base: number;
  readonly step: number;
  readonly kernelStep: number;
  readonly divisor: number;
  /** Length of the axis that is read. */
  readonly size: number;
  /** Whether every window lies inside, so that nothing needs checking. */
  readonly isInside: boolean;
}

/** Where windows, placed on the output, read the input. */
export const inputCoordinates = (geometry: WindowGeometry): Coordinate[] =>
  geometry.input.map((size, axis) => {
    const [stride, dilation] = [geometry.stride[axis]!, geometry.dilation[axis]!];
    const base = -geometry.before[axis]!;
    const windows = geometry.output[axis]! - 1;
    const last = base + windows * stride + (geometry.kernel[axis]! - 1) * dilation;
    const isInside = base === 0 && last < size;
    return { base, step: stride, kernelStep: dilation, divisor: 1, size, isInside };
  });

/** Which windows cover a place on the input, one for each position in the window. */
export const outputCoordinates = (geometry: WindowGeometry): Coordinate[] =>
  geometry.output.map((size, axis) => {
    const [stride, dilation] = [geometry.stride[axis]!, geometry.dilation[axis]!];
    const base = geometry.before[axis]!;
    const isPlain = geometry.kernel[axis] === 1 && stride === 1 && base === 0;
    const isInside = isPlain && geometry.input[axis]! <= size;
    return { base, step: 1, kernelStep: -dilation, divisor: stride, size, isInside };
  });

/** Which loops walk places and positions in the window, one of each per spatial axis. */
export interface WindowLoops {
  readonly place: readonly number[];
  readonly kernel: readonly number[];
}

/** Reads `x` `[a, b, spatial…]`; `strides` covers the loops over what is not spatial. */
export function windowLoad(
  operand: number,
  x: OperandDescription,
  loops: WindowLoops,
  strides: readonly number[],
  coordinates: readonly Coordinate[],
): Load {
  const own = [...strides];
  const guards: Guard[] = [];
  coordinates.forEach(({ base, step, kernelStep, divisor, size, isInside }, axis) => {
    const [place, kernel] = [loops.place[axis]!, loops.kernel[axis]!];
    const stride = x.layout.strides[axis + 2]!;
    if (isInside) {
      own[place]! += step * stride;
      own[kernel]! += kernelStep * stride;
      return;
    }
    const coefficients = new Array<number>(own.length).fill(0);
    coefficients[place] = step;
    coefficients[kernel] = kernelStep;
    guards.push({ base, coefficients, divisor, size, stride });
  });
  const access = { operand, dtype: x.dtype, offset: 0, strides: own };
  return guards.length === 0 ? access : { ...access, guards };
}
