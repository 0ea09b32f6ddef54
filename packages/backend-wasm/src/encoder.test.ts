// The encoder: every instruction validates, numbers and control flow come out right.
import { describe, expect, it } from "vitest";
import { type FunctionBuilder, ModuleBuilder, type ValueType } from "./encoder.ts";
import { type PlainOpcode, laneOpcodes, memoryLaneOpcodes, memoryOpcodes, plainOpcodes } from "./opcodes.ts"; // prettier-ignore

const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536 });

function instantiate(
  build: (module: ModuleBuilder) => void,
): Record<string, (...x: unknown[]) => unknown> {
  const module = new ModuleBuilder(false);
  build(module);
  const compiled = new WebAssembly.Module(module.encode());
  return new WebAssembly.Instance(compiled, { env: { memory, exp: Math.exp } }).exports as never;
}

const push: Record<ValueType, (f: FunctionBuilder) => void> = {
  i32: (f) => void f.i32(1),
  i64: (f) => void f.i64(1n),
  f32: (f) => void f.f32(1),
  f64: (f) => void f.f64(1),
  v128: (f) => void f.i32x4(1, 2, 3, 4),
};

/** Whether some choice of operands (at most three, of any types) makes the instruction valid. */
function hasSignature(emit: (f: FunctionBuilder) => void): boolean {
  const types = Object.keys(push) as ValueType[];
  const results: (ValueType | undefined)[] = [undefined, ...types];
  const operands: ValueType[][] = [[], ...types.map((a) => [a])];
  for (const a of types) {
    for (const b of types) operands.push([a, b]);
    operands.push([a, a, "i32"], [a, a, a]);
  }
  operands.push(["i32", "i32", "i64"]);
  for (const list of operands) {
    for (const result of results) {
      const module = new ModuleBuilder(true);
      const f = module.function("run", [], result === undefined ? [] : [result]);
      for (const type of list) push[type](f);
      emit(f);
      if (WebAssembly.validate(module.encode())) return true;
    }
  }
  return false;
}

describe("encoder", () => {
  it("encodes instructions that validate", () => {
    const names = Object.keys(plainOpcodes) as PlainOpcode[];
    // Node 20 has relaxed SIMD only behind a flag.
    for (const name of names.filter((name) => !name.includes("relaxed"))) {
      expect(
        hasSignature((f) => f.op(name)),
        name,
      ).toBe(true);
    }
    for (const name of Object.keys(memoryOpcodes) as (keyof typeof memoryOpcodes)[]) {
      expect(
        hasSignature((f) => f.memory(name, 300)),
        name,
      ).toBe(true);
    }
    for (const name of Object.keys(laneOpcodes) as (keyof typeof laneOpcodes)[]) {
      expect(
        hasSignature((f) => f.lane(name, 1)),
        name,
      ).toBe(true);
    }
    for (const name of Object.keys(memoryLaneOpcodes) as (keyof typeof memoryLaneOpcodes)[]) {
      expect(
        hasSignature((f) => f.memoryLane(name, 1, 8)),
        name,
      ).toBe(true);
    }
  });

  it("writes numbers of every size", () => {
    const integers = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 2 ** 31 - 1, -(2 ** 31)];
    const wide = [0n, -1n, 64n, -65n, 2n ** 40n, 2n ** 63n - 1n, -(2n ** 63n)];
    const floats = [0, -0, 1.5, Infinity, NaN, 5e-324];
    const run = instantiate((module) => {
      integers.forEach((value, i) => module.function(`i${i}`, [], ["i32"]).i32(value));
      wide.forEach((value, i) => module.function(`l${i}`, [], ["i64"]).i64(value));
      floats.forEach((value, i) => module.function(`d${i}`, [], ["f64"]).f64(value));
    });
    expect(integers.map((_, i) => run[`i${i}`]!())).toEqual(integers);
    expect(wide.map((_, i) => run[`l${i}`]!())).toEqual(wide);
    expect(floats.map((_, i) => run[`d${i}`]!())).toEqual(floats);
  });

  it("builds loops, calls, imports and code at the start", () => {
    const run = instantiate((module) => {
      const exp = module.import("exp", ["f64"], ["f64"]);
      const double = module.function(undefined, ["i32"], ["i32"]);
      double.get(0).get(0).op("i32.add");
      const f = module.function("sum", ["i32"], ["i32"]);
      const [sum, i] = [f.local("i32"), f.local("i32")];
      const exit = f.block();
      const again = f.loop();
      f.get(i).get(0).op("i32.ge_s").brIf(exit);
      f.get(sum).get(i).call(double).op("i32.add").set(sum);
      f.get(i).i32(1).op("i32.add").set(i).br(again).end().end();
      f.get(sum);
      f.atStart(() => f.i32(100).set(sum));
      module.function("exp", ["f64"], ["f64"]).get(0).call(exp);
    });
    expect(run["sum"]!(5)).toBe(120);
    expect(run["exp"]!(1)).toBe(Math.E);
  });

  it("refuses blocks left open and late imports", () => {
    const module = new ModuleBuilder(false);
    module.function("run", []).block();
    expect(() => module.encode()).toThrow("left open");
    expect(() => module.import("exp", ["f64"])).toThrow("before the first function");
  });
});
