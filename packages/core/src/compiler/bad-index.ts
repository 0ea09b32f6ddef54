// Names the first index that a kernel found out of range. Backends only report that there is one; the rare
// path here walks the loops in order again.
import { IndexError } from "../errors.ts";
import type { DType } from "../dtype.ts";
import { type Access, type Load, type LoopKernel, coordinateOf } from "./kernel.ts";

/** The integer of a dtype at a byte offset. */
export function integerAt(view: DataView, byteOffset: number, dtype: DType): number {
  if (dtype === "int64") return Number(view.getBigInt64(byteOffset, true));
  if (dtype === "int32") return view.getInt32(byteOffset, true);
  if (dtype === "int16") return view.getInt16(byteOffset, true);
  if (dtype === "uint16") return view.getUint16(byteOffset, true);
  return dtype === "int8" ? view.getInt8(byteOffset) : view.getUint8(byteOffset);
}

/** The element's position, or undefined where a guard fails; throws at a bad index. */
function addressOf(
  access: Access,
  index: readonly number[],
  read: (load: number) => number,
): number | undefined {
  let address = access.offset;
  access.strides.forEach((stride, axis) => (address += stride * index[axis]!));
  for (const { base, coefficients, divisor, size, stride } of access.guards ?? []) {
    const coordinate = coefficients.reduce((sum, value, axis) => sum + value * index[axis]!, base);
    const quotient = coordinate / divisor;
    if (!Number.isInteger(quotient) || quotient < 0 || quotient >= size) return undefined;
    address += quotient * stride;
  }
  for (const indirection of access.indirections ?? []) {
    address += indirection.stride * coordinateOf(indirection, read(indirection.load), index);
  }
  return address;
}

/**
 * Throws the IndexError of the first bad index in the order of the loops. `readInteger` gives the element
 * of a load's operand at a position from the operand's offset on.
 */
export function throwBadIndex(
  kernel: LoopKernel,
  readInteger: (load: Load, element: number) => number,
): never {
  const { axes } = kernel;
  const last = axes.length - 1;
  const isReversed = kernel.kind === "scan" && kernel.isReversed;
  const index = axes.map(() => 0);
  const read = (position: number): number => {
    const load = kernel.loads[position]!;
    const element = addressOf(load, index, read);
    return element === undefined ? (load.fill ?? 0) : readInteger(load, element);
  };
  for (;;) {
    if (isReversed) index[last] = axes[last]! - 1 - index[last]!;
    for (const access of [...kernel.loads, ...kernel.stores]) addressOf(access, index, read);
    if (isReversed) index[last] = axes[last]! - 1 - index[last]!;
    let axis = last;
    while (axis >= 0 && ++index[axis]! === axes[axis]) index[axis--] = 0;
    if (axis < 0) break;
  }
  throw new IndexError("an index was out of range while the kernel ran, but no longer is.");
}
