// Where the loops stand: the index along each axis, and the pointers and guard coordinates that move
// with them. Each loop level keeps its own copy, so stepping is one addition and leaving is free.
import type { Code } from "./code.ts";
import type { FunctionBuilder, Local } from "./encoder.ts";
import type { Form, Plan, PlannedAccess, Slot } from "./plan.ts";

/** Parameters of `run`. */
export const parametersLocal: Local = 0;
export const startLocal: Local = 1;
export const endLocal: Local = 2;

export class Walk {
  readonly code: Code;
  readonly plan: Plan;
  /** The index along each axis. */
  readonly index: readonly Local[];
  /** How many elements the last, partial vector holds. */
  readonly remaining: Local;
  private readonly current = new Map<Form, Local>();
  private readonly levels: Map<Form, Local>[] = [];

  constructor(code: Code, plan: Plan, accesses: readonly PlannedAccess[]) {
    this.code = code;
    this.plan = plan;
    this.index = plan.lengths.map(() => code.f.local("i32"));
    this.remaining = code.f.local("i32");
    for (const { pointer, guards } of accesses) {
      for (const form of [pointer, ...guards.map((guard) => guard.form)]) {
        if (!this.current.has(form)) this.current.set(form, code.f.local("i32"));
      }
    }
  }

  /** A number of the block, in a local for the whole function; `times` multiplies it. */
  number(slot: Slot, times = 1): Local {
    return this.code.hoist(`slot ${slot} ${times}`, "i32", (f) => {
      f.get(parametersLocal).memory("i32.load", slot);
      if (times !== 1) f.i32(times).op("i32.mul");
    });
  }

  /** Pushes how far `form` moves over `count` elements along `axis`. */
  pushStep(form: Form, axis: number, count: number): FunctionBuilder {
    const { f } = this.code;
    if (form.unit !== undefined && axis === this.plan.vectorAxis) return f.i32(form.unit * count);
    return f.get(this.number(form.coefficients[axis]!, count));
  }

  /** The value of `form` at the current indices. */
  at(form: Form): Local {
    return this.current.get(form)!;
  }

  /** Pushes the value of `form`, `lanes` elements further along the vector axis. */
  push(form: Form, lanes = 0): FunctionBuilder {
    const { f } = this.code;
    const axis = this.plan.vectorAxis;
    f.get(this.at(form));
    if (lanes === 0 || form.coefficients[axis] === undefined) return f;
    this.pushStep(form, axis, lanes);
    return f.op("i32.add");
  }

  /** Sets every form from the indices of the outer axes. */
  startRow(): void {
    const { f } = this.code;
    for (const [form, local] of this.current) {
      f.get(this.number(form.base));
      for (let axis = 0; axis < this.plan.kernel.outer; axis++) {
        if (form.coefficients[axis] === undefined) continue;
        f.get(this.index[axis]!);
        this.pushStep(form, axis, 1).op("i32.mul").op("i32.add");
      }
      f.set(local);
    }
  }

  /** Advances everything `count` elements along `axis`. */
  advance(axis: number, count: number): void {
    const { f } = this.code;
    for (const [form, local] of this.current) {
      if (form.coefficients[axis] === undefined) continue;
      f.get(local);
      this.pushStep(form, axis, count).op("i32.add").set(local);
    }
    const index = this.index[axis]!;
    f.get(index).i32(count).op("i32.add").set(index);
  }

  /** Runs `body` with own copies of what moves along `axis`, its index starting at 0. */
  enter(axis: number, body: () => void): void {
    const { f } = this.code;
    const outside = new Map<Form, Local>();
    for (const [form, local] of this.current) {
      if (form.coefficients[axis] === undefined) continue;
      outside.set(form, local);
      const inside = f.local("i32");
      f.get(local).set(inside);
      this.current.set(form, inside);
    }
    this.levels.push(outside);
    f.i32(0).set(this.index[axis]!);
    body();
    for (const [form, local] of this.levels.pop()!) this.current.set(form, local);
  }

  /** `while (index + count <= limit) { body; advance }`. */
  stride(axis: number, limit: Local, count: number, body: () => void): void {
    const { f } = this.code;
    const exit = f.block();
    const again = f.loop();
    f.get(this.index[axis]!).i32(count).op("i32.add").get(limit).op("i32.gt_s").brIf(exit);
    body();
    this.advance(axis, count);
    f.br(again).end().end();
  }

  /**
   * Covers `[index, limit)` along the vector axis: `copies` vectors at a time, then one, then what is
   * left in a partial vector, whose element count is in `remaining`.
   */
  cover(limit: Local, body: (copies: number, isPartial: boolean) => void): void {
    const { f } = this.code;
    const { copies, isVector, vectorAxis: axis } = this.plan;
    const lanes = isVector ? 4 : 1;
    if (copies > 1) this.stride(axis, limit, copies * lanes, () => body(copies, false));
    this.stride(axis, limit, lanes, () => body(1, false));
    if (!isVector) return;
    f.get(limit)
      .get(this.index[axis]!)
      .op("i32.sub")
      .tee(this.remaining)
      .i32(0)
      .op("i32.gt_s")
      .if();
    body(1, true);
    f.end();
  }
}
