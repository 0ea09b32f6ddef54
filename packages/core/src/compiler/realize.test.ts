// Kernels of 16-bit floats, narrow integers and complex numbers, and what backends get for them.
import { describe, expect, it } from "vitest";
import type { DType } from "../dtype.ts";
import { type Scalar, leaf, s } from "../scalar/instruction.ts";
import { type Combine, type ContractKernel, type LoopKernel, type MapKernel, showKernel } from "./kernel.ts"; // prettier-ignore
import { needsRealizing, realize } from "./realize.ts";

const load = (operand: number, dtype: DType) => ({ operand, dtype, offset: 1, strides: [2] });

/** `out[i] = value(x[2i + 1])`. */
const map = (from: DType, value: Scalar, combine?: Combine): MapKernel => ({
  kind: "map",
  axes: [3],
  loads: [load(0, from)],
  params: [],
  stores: [{ operand: 0, dtype: value.dtype, offset: 0, strides: [1], value, combine }],
});

const realized = (kernel: LoopKernel): string => showKernel(realize(kernel));
const loaded = (dtype: DType): Scalar => leaf("load", 0, dtype);

describe("realize", () => {
  it("leaves what backends have", () => {
    expect(needsRealizing(map("float32", s.neg(loaded("float32"))))).toBe(false);
    expect(needsRealizing(map("float32", s.cast(loaded("float32"), "int8")))).toBe(true);
  });

  it("moves 16-bit floats as words", () => {
    expect(realized(map("float16", loaded("float16")))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:uint16[1 + 2i0]
        load0:i32 -> %0
        set output 0:uint16[1i0]"
    `);
  });

  it("computes bfloat16 in float32 and rounds where it is stored", () => {
    const x = loaded("bfloat16");
    expect(realized(map("bfloat16", s.mul(x, s.add(x, 1))))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:uint16[1 + 2i0]
        2139095040:i32; load0:i32; 16:i32; shl:i32(%1 %2); bitcast:f32(%3); 1:f32; add:f32(%4 %5); mul:f32(%4 %6); bitcast:i32(%7); 2147483647:i32; bitAnd:i32(%8 %9); lt:bool(%0 %10); 32704:i32; 32767:i32; add:i32(%8 %13); shrU:i32(%8 %2); 1:i32; bitAnd:i32(%15 %16); add:i32(%14 %17); shrU:i32(%18 %2); select:i32(%11 %12 %19) -> %20
        set output 0:uint16[1i0]"
    `);
  });

  it("rounds at casts", () => {
    const rounded = s.cast(loaded("float32"), "bfloat16");
    expect(realized(map("float32", s.cast(rounded, "float32")))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:float32[1 + 2i0]
        2139095040:i32; load0:f32; bitcast:i32(%1); 2147483647:i32; bitAnd:i32(%2 %3); lt:bool(%0 %4); 32704:i32; 32767:i32; add:i32(%2 %7); 16:i32; shrU:i32(%2 %9); 1:i32; bitAnd:i32(%10 %11); add:i32(%8 %12); shrU:i32(%13 %9); select:i32(%5 %6 %14); shl:i32(%15 %9); bitcast:f32(%16) -> %17
        set output 0:float32[1i0]"
    `);
  });

  it("wraps narrow integers", () => {
    const x = loaded("int8");
    expect(realized(map("int8", s.max(s.add(x, x), 3)))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:int8[1 + 2i0]
        load0:i32; add:i32(%0 %0); 24:i32; shl:i32(%1 %2); shr:i32(%3 %2); 3:i32; max:i32(%4 %5) -> %6
        set output 0:int8[1i0]"
    `);
  });

  it("computes uint32 in int64", () => {
    const x = loaded("uint32");
    expect(realized(map("uint32", s.div(x, 7)))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:int32[1 + 2i0]
        load0:i32; cast:i64(%0); 4294967295:i64; bitAnd:i64(%1 %2); 7:i64; div:i64(%3 %4); bitAnd:i64(%5 %2); cast:i32(%6) -> %7
        set output 0:int32[1i0]"
    `);
  });

  it("takes complex numbers apart", () => {
    const z = loaded("complex64");
    expect(realized(map("complex64", s.mul(z, z)))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:float32[2 + 4i0]
        load1 = input 0:float32[3 + 4i0]
        load0:f32; mul:f32(%0 %0); load1:f32; mul:f32(%2 %2); sub:f32(%1 %3); mul:f32(%0 %2); mul:f32(%2 %0); add:f32(%5 %6) -> %4 %7
        set output 0:float32[2i0]
        set output 0:float32[1 + 2i0]"
    `);
    expect(realized(map("complex64", s.real(s.conj(z))))).toMatchInlineSnapshot(`
      "map axes=[3]
        load0 = input 0:float32[2 + 4i0]
        load1 = input 0:float32[3 + 4i0]
        load0:f32 -> %0
        set output 0:float32[1i0]"
    `);
  });

  it("runs over neighbouring parts where they never meet", () => {
    const z = loaded("complex64");
    const dense = map("complex64", s.mul(s.add(z, z), 2));
    const kernel = { ...dense, loads: [{ ...load(0, "complex64"), strides: [1] }] };
    expect(realized(kernel)).toMatchInlineSnapshot(`
      "map axes=[3, 2]
        load0 = input 0:float32[2 + 2i0+1i1]
        load0:f32; add:f32(%0 %0); 2:f32; mul:f32(%1 %2) -> %3
        set output 0:float32[2i0+1i1]"
    `);
    const shifted = { ...kernel, stores: [{ ...kernel.stores[0]!, value: s.add(z, 1) }] };
    expect(realize(shifted).axes).toEqual([3]);
  });

  it("gives complex sums two states", () => {
    const state = leaf("state", 0, "complex64");
    const kernel: LoopKernel = {
      kind: "reduce",
      axes: [3],
      reduced: 1,
      loads: [load(0, "complex64")],
      params: [],
      states: [
        {
          dtype: "complex64",
          initial: 1,
          step: s.add(state, loaded("complex64")),
          merge: s.add(state, leaf("other", 0, "complex64")),
        },
      ],
      stores: [{ operand: 0, dtype: "complex64", offset: 0, strides: [0], value: state }],
    };
    expect(realized(kernel)).toMatchInlineSnapshot(`
      "reduce axes=[3] reduced=1
        load0 = input 0:float32[2 + 4i0]
        load1 = input 0:float32[3 + 4i0]
        state0:f32; load0:f32; add:f32(%0 %1); other0:f32; add:f32(%0 %3); state1:f32; load1:f32; add:f32(%5 %6); other1:f32; add:f32(%5 %8) -> %2 %4 %7 %9 %0 %5
        set output 0:float32[0]
        set output 0:float32[1 + 0]"
    `);
  });

  it("keeps contractions of floats that are stored in 16 bits", () => {
    const factor = (operand: number, strides: readonly number[]) => ({ operand, dtype: "float32" as const, offset: 0, strides }); // prettier-ignore
    const contract: ContractKernel = {
      kind: "contract",
      axes: [2, 2, 3],
      groups: { batch: 0, m: 1, n: 1, k: 1 },
      loads: [factor(0, [3, 0, 1]), factor(1, [0, 1, 2])],
      params: [],
      stores: [
        { operand: 0, dtype: "bfloat16", offset: 0, strides: [2, 1, 0], value: leaf("state", 0, "bfloat16") },
      ],
      accumulator: "float32",
    }; // prettier-ignore
    expect(realize(contract).kind).toBe("contract");
    expect(realize({ ...contract, accumulator: "complex64" }).kind).toBe("reduce");
  });

  it("refuses to combine what words do not tell", () => {
    const z = loaded("complex64");
    expect(() => realize(map("complex64", z, "mul"))).toThrowErrorMatchingInlineSnapshot(
      `[DTypeError: stores that combine with mul do not exist for complex64. Convert to another dtype first.]`,
    );
    expect(() => realize(map("uint64", loaded("uint64"), "max"))).toThrowErrorMatchingInlineSnapshot(`[DTypeError: stores that combine with max do not exist for uint64. Convert to another dtype first.]`); // prettier-ignore
  });
});
