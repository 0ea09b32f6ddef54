// Growing lists of the 32-bit words that programs are made of (engine/program/format.h).
import type { ValueDType } from "@flambeau/core/extension";

const scalar = new DataView(new ArrayBuffer(8));

/** What stands in the low bytes of eight. */
function putScalar(value: number | bigint, type: ValueDType): void {
  scalar.setFloat64(0, 0);
  if (type === "float32") scalar.setFloat32(0, Number(value), true);
  else if (type === "float64") scalar.setFloat64(0, Number(value), true);
  else if (type === "int64") scalar.setBigInt64(0, BigInt(value), true);
  else if (type === "int32") scalar.setInt32(0, Number(value), true);
  else scalar.setUint8(0, Number(value));
}

export class Words {
  #list = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  clear(): void {
    this.#length = 0;
  }

  /** A word from 0 on. */
  u(value: number): void {
    if (this.#length === this.#list.length) {
      const list = new Uint32Array(2 * this.#length);
      list.set(this.#list);
      this.#list = list;
    }
    this.#list[this.#length++] = value;
  }

  /** Puts another word where one stands. */
  set(at: number, value: number): void {
    this.#list[at] = value;
  }

  /** A whole number of either sign, as two words. */
  wide(value: number): void {
    // Words are taken modulo 2^32, also of negative numbers.
    this.u(value);
    this.u(Math.floor(value / 2 ** 32));
  }

  wides(values: readonly number[]): void {
    for (const value of values) this.wide(value);
  }

  /** A scalar of a value type. */
  bits(value: number | bigint, type: ValueDType): void {
    putScalar(value, type);
    this.u(scalar.getUint32(0, true));
    this.u(scalar.getUint32(4, true));
  }

  /** The words as bytes; valid until the next word. */
  bytes(): Uint8Array {
    return new Uint8Array(this.#list.buffer, 0, 4 * this.#length);
  }

  /** A string that is the same only for the same words. */
  key(): string {
    const units = new Uint16Array(this.#list.buffer, 0, 2 * this.#length);
    let key = "";
    for (let at = 0; at < units.length; at += 4096) {
      key += String.fromCharCode(...units.subarray(at, at + 4096));
    }
    return key;
  }
}
