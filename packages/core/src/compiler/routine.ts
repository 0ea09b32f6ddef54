// Routines read contiguous operands: others are copied for the time of the call.
import { byteSize } from "../dtype.ts";
import type { OperandDescription } from "../operation.ts";
import type { Executable, Operand } from "../runtime/backend.ts";
import type { Device } from "../runtime/device.ts";
import type { RoutineKernel } from "./kernel.ts";
import { broadcastLoad, copyKernel } from "./lower.ts";

/** Prepares a routine for operands of any layout. */
export function compileRoutine(
  kernel: RoutineKernel,
  inputs: readonly OperandDescription[],
  device: Device,
): Executable {
  const run = device.backend.compile(kernel);
  const copies = inputs
    .filter((input) => !input.isNumber)
    .map((input) => {
      const { layout, shape, dtype } = input;
      if (layout.isContiguous) return undefined;
      const copy = device.backend.compile(copyKernel(shape, broadcastLoad(0, input, shape)));
      return { copy, bytes: layout.size * byteSize(dtype) };
    });
  if (copies.every((copy) => copy === undefined)) return run;
  return (operands, outputs, params) => {
    const freed: (() => void)[] = [];
    try {
      const rows = operands.map((operand, i): Operand => {
        const found = copies[i];
        if (found === undefined) return operand;
        const handle = device.allocate(found.bytes);
        freed.push(() => device.free(handle, found.bytes));
        const target = { handle, offset: 0 };
        found.copy([operand], [target], []);
        return target;
      });
      run(rows, outputs, params);
    } finally {
      for (const free of freed) free();
    }
  };
}
