// Writes WebAssembly modules: a byte writer, a module builder and a function builder. Knows the
// binary format, not kernels. Opcodes are in opcodes.ts.
import {
  type LaneOpcode, type MemoryLaneOpcode, type MemoryOpcode, type PlainOpcode,
  laneOpcodes, memoryLaneOpcodes, memoryOpcodes, plainOpcodes,
} from "./opcodes.ts"; // prettier-ignore

export type ValueType = "i32" | "i64" | "f32" | "f64" | "v128";

const valueTypes: Record<ValueType, number> = {
  i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b,
}; // prettier-ignore

const scratch = new DataView(new ArrayBuffer(8));

/** A growing byte buffer with the number formats of WebAssembly. */
export class ByteWriter {
  bytes: Uint8Array<ArrayBuffer>;
  length = 0;

  constructor(capacity = 64) {
    this.bytes = new Uint8Array(capacity);
  }

  private reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes.subarray(0, this.length));
    this.bytes = larger;
  }

  byte(value: number): this {
    if (this.length === this.bytes.length) this.reserve(1);
    this.bytes[this.length++] = value;
    return this;
  }

  /** Unsigned LEB128. */
  unsigned(value: number): this {
    let rest = value >>> 0;
    while (rest > 127) {
      this.byte((rest & 127) | 128);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of an int32. */
  signed(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 127;
      rest >>= 7;
      if ((rest === 0 && low < 64) || (rest === -1 && low >= 64)) return this.byte(low);
      this.byte(low | 128);
    }
  }

  /** Signed LEB128 of an int64. */
  signed64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 127n);
      rest >>= 7n;
      if ((rest === 0n && low < 64) || (rest === -1n && low >= 64)) return this.byte(low);
      this.byte(low | 128);
    }
  }

  float32(value: number): this {
    scratch.setFloat32(0, value, true);
    return this.fromScratch(4);
  }

  float64(value: number): this {
    scratch.setFloat64(0, value, true);
    return this.fromScratch(8);
  }

  int32(value: number): this {
    scratch.setInt32(0, value, true);
    return this.fromScratch(4);
  }

  private fromScratch(count: number): this {
    for (let i = 0; i < count; i++) this.byte(scratch.getUint8(i));
    return this;
  }

  /** A length-prefixed ASCII string. */
  name(text: string): this {
    this.unsigned(text.length);
    for (let i = 0; i < text.length; i++) this.byte(text.charCodeAt(i));
    return this;
  }

  append(other: ByteWriter): this {
    this.reserve(other.length);
    this.bytes.set(other.bytes.subarray(0, other.length), this.length);
    this.length += other.length;
    return this;
  }
}

/** A branch target: what `block`, `loop` and `if` return. */
export type Label = number;
/** Index of a function, as `call` takes it. */
export type FunctionIndex = number;
/** Index of a local; parameters come first. */
export type Local = number;

/** Builds one function's body; methods append instructions and return the builder. */
export class FunctionBuilder {
  code = new ByteWriter(1024);
  private readonly head = new ByteWriter();
  private readonly locals: ValueType[] = [];
  private depth = 0;

  readonly index: FunctionIndex;
  private readonly parameterCount: number;

  constructor(index: FunctionIndex, parameterCount: number) {
    this.index = index;
    this.parameterCount = parameterCount;
  }

  /** Declares a local variable, zero at the start of the function. */
  local(type: ValueType): Local {
    this.locals.push(type);
    return this.parameterCount + this.locals.length - 1;
  }

  /** Places what `emit` appends before everything else in the function: loop invariants. */
  atStart(emit: () => void): void {
    const { code } = this;
    if (code === this.head) return emit();
    this.code = this.head;
    emit();
    this.code = code;
  }

  get(local: Local): this {
    this.code.byte(0x20).unsigned(local);
    return this;
  }

  set(local: Local): this {
    this.code.byte(0x21).unsigned(local);
    return this;
  }

  tee(local: Local): this {
    this.code.byte(0x22).unsigned(local);
    return this;
  }

  i32(value: number): this {
    this.code.byte(0x41).signed(value);
    return this;
  }

  i64(value: bigint): this {
    this.code.byte(0x42).signed64(value);
    return this;
  }

  f32(value: number): this {
    this.code.byte(0x43).float32(value);
    return this;
  }

  f64(value: number): this {
    this.code.byte(0x44).float64(value);
    return this;
  }

  /** A constant vector of four int32 words. */
  i32x4(a: number, b = a, c = a, d = a): this {
    this.prefixed(0xfd000c);
    this.code.int32(a).int32(b).int32(c).int32(d);
    return this;
  }

  /** A constant vector of four equal float32. */
  f32x4(value: number): this {
    this.prefixed(0xfd000c);
    for (let i = 0; i < 4; i++) this.code.float32(value);
    return this;
  }

  private prefixed(opcode: number): void {
    if (opcode < 0x100) this.code.byte(opcode);
    else this.code.byte(opcode >>> 16).unsigned(opcode & 0xffff);
  }

  op(name: PlainOpcode): this {
    this.prefixed(plainOpcodes[name]);
    return this;
  }

  /** A load or store; the address (and value) are on the stack, `offset` in bytes is added. */
  memory(name: MemoryOpcode, offset = 0): this {
    const opcode = memoryOpcodes[name];
    this.prefixed(opcode);
    // Only atomics (32-bit ones here) must state their alignment.
    this.code.byte(opcode >= 0xfe0000 ? 2 : 0).unsigned(offset);
    return this;
  }

  lane(name: LaneOpcode, lane: number): this {
    this.prefixed(laneOpcodes[name]);
    this.code.byte(lane);
    return this;
  }

  /** Loads or stores one lane; address and vector are on the stack. */
  memoryLane(name: MemoryLaneOpcode, lane: number, offset = 0): this {
    this.prefixed(memoryLaneOpcodes[name]);
    this.code.byte(0).unsigned(offset).byte(lane);
    return this;
  }

  /** Picks 16 bytes out of two vectors. */
  shuffle(lanes: readonly number[]): this {
    this.prefixed(0xfd000d);
    for (let i = 0; i < 16; i++) this.code.byte(lanes[i]!);
    return this;
  }

  /** Picks four 32-bit lanes out of two vectors: 0-3 the first's, 4-7 the second's. */
  shuffle32(a: number, b: number, c: number, d: number): this {
    this.prefixed(0xfd000d);
    for (const lane of [a, b, c, d]) for (let i = 0; i < 4; i++) this.code.byte(lane * 4 + i);
    return this;
  }

  block(result?: ValueType): Label {
    this.code.byte(0x02).byte(result === undefined ? 0x40 : valueTypes[result]);
    return ++this.depth;
  }

  loop(): Label {
    this.code.byte(0x03).byte(0x40);
    return ++this.depth;
  }

  if(result?: ValueType): Label {
    this.code.byte(0x04).byte(result === undefined ? 0x40 : valueTypes[result]);
    return ++this.depth;
  }

  else(): this {
    this.code.byte(0x05);
    return this;
  }

  /** Closes the innermost block, loop or if. */
  end(): this {
    this.depth--;
    this.code.byte(0x0b);
    return this;
  }

  br(label: Label): this {
    this.code.byte(0x0c).unsigned(this.depth - label);
    return this;
  }

  brIf(label: Label): this {
    this.code.byte(0x0d).unsigned(this.depth - label);
    return this;
  }

  call(callee: FunctionIndex | FunctionBuilder): this {
    this.code.byte(0x10).unsigned(typeof callee === "number" ? callee : callee.index);
    return this;
  }

  /** Appends the finished body to a code section. */
  encodeInto(section: ByteWriter): void {
    if (this.depth !== 0) throw new Error(`wasm encoder: ${this.depth} blocks were left open.`);
    const header = new ByteWriter();
    let groups = 0;
    for (let i = 0; i < this.locals.length; i++)
      if (this.locals[i] !== this.locals[i - 1]) groups++;
    header.unsigned(groups);
    for (let i = 0; i < this.locals.length;) {
      const type = this.locals[i]!;
      let count = 1;
      while (this.locals[i + count] === type) count++;
      header.unsigned(count).byte(valueTypes[type]);
      i += count;
    }
    section.unsigned(header.length + this.head.length + this.code.length + 1);
    section.append(header).append(this.head).append(this.code).byte(0x0b);
  }
}

/** Builds a module that imports `env.memory`, and exports the functions that were given a name. */
export class ModuleBuilder {
  private readonly types = new ByteWriter();
  private readonly typeIndices = new Map<string, number>();
  private readonly imports = new ByteWriter();
  private importCount = 1;
  private readonly importIndices = new Map<string, FunctionIndex>();
  private readonly functions: { builder: FunctionBuilder; type: number; name?: string }[] = [];

  /** `shared` must equal that of the memory given at instantiation. */
  constructor(shared: boolean) {
    this.imports
      .name("env")
      .name("memory")
      .byte(0x02)
      .byte(shared ? 3 : 1);
    // 4 GiB: no memory's own maximum is larger, so modules do not depend on the memory limit.
    this.imports.unsigned(0).unsigned(65536);
  }

  private type(params: readonly ValueType[], results: readonly ValueType[]): number {
    const key = `${params.join()}>${results.join()}`;
    const known = this.typeIndices.get(key);
    if (known !== undefined) return known;
    const index = this.typeIndices.size;
    this.typeIndices.set(key, index);
    this.types.byte(0x60).unsigned(params.length);
    for (const type of params) this.types.byte(valueTypes[type]);
    this.types.unsigned(results.length);
    for (const type of results) this.types.byte(valueTypes[type]);
    return index;
  }

  /** Imports `env.<name>`; all imports come before the first function. Repeats share one import. */
  import(
    name: string,
    params: readonly ValueType[],
    results: readonly ValueType[] = [],
  ): FunctionIndex {
    const known = this.importIndices.get(name);
    if (known !== undefined) return known;
    if (this.functions.length > 0)
      throw new Error("wasm encoder: import before the first function.");
    this.imports.name("env").name(name).byte(0x00).unsigned(this.type(params, results));
    this.importCount++;
    const index = this.importIndices.size;
    this.importIndices.set(name, index);
    return index;
  }

  /** Starts a function; parameters are locals 0, 1, …. Without a name it stays inside the module. */
  function(
    name: string | undefined,
    params: readonly ValueType[],
    results: readonly ValueType[] = [],
  ): FunctionBuilder {
    const builder = new FunctionBuilder(
      this.importIndices.size + this.functions.length,
      params.length,
    );
    this.functions.push({ builder, type: this.type(params, results), name });
    return builder;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const module = new ByteWriter(1024);
    for (const byte of [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]) module.byte(byte);
    const section = (id: number, count: number, content: ByteWriter): void => {
      const head = new ByteWriter().unsigned(count);
      module
        .byte(id)
        .unsigned(head.length + content.length)
        .append(head)
        .append(content);
    };
    section(1, this.typeIndices.size, this.types);
    section(2, this.importCount, this.imports);
    const types = new ByteWriter();
    const exports = new ByteWriter();
    const code = new ByteWriter(1024);
    let exported = 0;
    for (const { builder, type, name } of this.functions) {
      types.unsigned(type);
      builder.encodeInto(code);
      if (name === undefined) continue;
      exports.name(name).byte(0x00).unsigned(builder.index);
      exported++;
    }
    section(3, this.functions.length, types);
    section(7, exported, exports);
    section(10, this.functions.length, code);
    return module.bytes.slice(0, module.length);
  }
}
