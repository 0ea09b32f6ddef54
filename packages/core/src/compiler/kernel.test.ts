// Kernels as text.
import { expect, it } from "vitest";
import { leaf, s } from "../scalar/instruction.ts";
import { type ScanKernel, showKernel } from "./kernel.ts";

it("a scan says which way it runs, what it carries and what it stores", () => {
  const sum = leaf("state", 0, "float64");
  const kernel: ScanKernel = {
    kind: "scan",
    isReversed: true,
    axes: [2, 5],
    loads: [{ operand: 0, dtype: "float32", offset: 0, strides: [5, 1] }],
    params: [],
    states: [
      {
        dtype: "float64",
        initial: 0,
        step: s.add(sum, s.cast(leaf("load", 0, "float32"), "float64")),
      },
    ],
    stores: [
      { operand: 0, dtype: "float32", offset: 0, strides: [5, 1], value: s.cast(sum, "float32") },
    ],
  };
  expect(showKernel(kernel)).toMatchInlineSnapshot(`
    "scan axes=[2, 5] reversed
      load0 = input 0:float32[5i0+1i1]
      state0:f64; load0:f32; cast:f64(%1); add:f64(%0 %2); cast:f32(%0) -> %3 %4
      set output 0:float32[5i0+1i1]"
  `);
});
